//! Medians, quantiles and slopes.

/// The spread of several runs of one measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    /// The smallest value.
    pub smallest: f64,
    /// The largest value.
    pub largest: f64,
}

impl Spread {
    /// The spread of one run.
    pub const fn one(value: f64) -> Self {
        Self { median: value, smallest: value, largest: value }
    }

    /// The spread of several runs. NaN if there are none.
    pub fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        Self { median: quantile(&sorted, 0.5), smallest: end(sorted.first()), largest: end(sorted.last()) }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile by the nearest rank: the value below which this part of the values lies. NaN if there are none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rank")]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let sorted = sorted(values);
    let rank = (part * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// The slope of the line through the points by least squares.
#[expect(clippy::cast_precision_loss, reason = "a handful of points")]
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), (x, y)| {
        (over + (x - x_mean) * (y - y_mean), under + (x - x_mean) * (x - x_mean))
    });
    over / under
}

/// The slope with logarithmic axes: 0 for constant, 1 for proportional.
pub fn log_log_slope(points: &[(f64, f64)]) -> f64 {
    slope(&points.iter().map(|(x, y)| (x.ln(), y.ln())).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_has_median_minimum_and_maximum() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, smallest: 1.0, largest: 3.0 });
        assert_eq!(Spread::of(&[5.0]), Spread::one(5.0));
        assert!(Spread::of(&[]).median.is_nan());
    }

    #[test]
    fn quantile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        for (part, expected) in [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (1.0, 100.0)] {
            assert!((quantile(&hundred, part) - expected).abs() < f64::EPSILON, "{part}");
        }
    }

    #[test]
    fn slope_is_that_of_the_fitted_line() {
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) - 2.0).abs() < 1e-12);
        assert!(slope(&[(0.0, 1.0), (1.0, 2.0), (2.0, 1.0)]).abs() < 1e-12);
    }

    #[test]
    fn log_log_slope_is_the_exponent() {
        let squares = [(1.0, 7.0), (10.0, 700.0), (100.0, 70_000.0)];
        assert!((log_log_slope(&squares) - 2.0).abs() < 1e-9);
        assert!(log_log_slope(&[(10.0, 3.0), (100.0, 3.0)]).abs() < 1e-9);
    }
}
