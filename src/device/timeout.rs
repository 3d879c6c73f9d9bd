//! How long the crate waits for what must come, and the one variable that stretches it.

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

/// Waiting for something that must come is generous: only failures pay for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The factor in `TUNTAP_TEST_TIMEOUT_SCALE`; 1 where it is unset or no positive number.
#[must_use]
pub fn timeout_scale() -> f64 {
    static SCALE: OnceLock<f64> = OnceLock::new();
    *SCALE.get_or_init(|| parse(env::var("TUNTAP_TEST_TIMEOUT_SCALE").ok().as_deref()))
}

/// How long a verb waits for something that must come: 10 s times [`timeout_scale`].
#[must_use]
pub fn patience() -> Duration {
    PATIENCE.mul_f64(timeout_scale())
}

fn parse(text: Option<&str>) -> f64 {
    text.and_then(|text| text.trim().parse().ok())
        .filter(|scale: &f64| scale.is_finite() && *scale > 0.0 && *scale <= 10_000.0)
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_a_positive_number_scales() {
        assert!((parse(Some("2.5")) - 2.5).abs() < f64::EPSILON);
        for no_number in [None, Some(""), Some("0"), Some("-1"), Some("inf"), Some("NaN"), Some("1e300"), Some("fast")]
        {
            assert!((parse(no_number) - 1.0).abs() < f64::EPSILON, "{no_number:?}");
        }
    }
}
