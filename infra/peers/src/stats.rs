//! The spread of several runs of one measure.

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median by the nearest rank. NaN if there are no values, as the others.
    pub median: f64,
    pub smallest: f64,
    pub largest: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self { median: at(last / 2), smallest: at(0), largest: at(last) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_has_median_minimum_and_maximum() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, smallest: 1.0, largest: 3.0 });
        assert_eq!(Spread::of([2.0, 1.0]).median.to_bits(), 1.0_f64.to_bits());
        assert!(Spread::of([]).median.is_nan());
    }
}
