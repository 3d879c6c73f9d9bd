//! Answering machines. (Skeleton.)
