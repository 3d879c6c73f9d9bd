//! The mock: a cable in memory. (Skeleton.)
