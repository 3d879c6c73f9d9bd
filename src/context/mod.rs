//! What a test receives. (Skeleton.)
