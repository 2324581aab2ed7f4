//! The text of a `/metrics` page: samples by name and labels, and quantiles of a histogram between two pages.

/// The samples of one page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// Upper bounds (ascending, the last infinite) and counts up to each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Buckets(Vec<(f64, f64)>);

impl Page {
    /// Reads a page, leaving out what is no sample.
    pub(crate) fn parse(text: &str) -> Self {
        Self { samples: text.lines().filter_map(sample).collect() }
    }

    /// Reads a page, leaving out every sample whose name begins with none of these.
    pub(crate) fn parse_only(text: &str, names: &[&str]) -> Self {
        let wanted = |line: &&str| names.iter().any(|name| line.starts_with(name));
        Self { samples: text.lines().filter(wanted).filter_map(sample).collect() }
    }

    /// The sum of every sample of this name; none if there is none.
    pub(crate) fn sum(&self, name: &str) -> Option<f64> {
        self.sum_where(name, |_| true)
    }

    /// The sum of the samples of this name whose label `key` has a value that `wanted` accepts; 0 where the
    /// name is there but no such value is; none if there is no such name at all.
    pub(crate) fn sum_by_label(&self, name: &str, key: &str, wanted: impl Fn(&str) -> bool) -> Option<f64> {
        self.sum(name)?;
        let matching =
            |labels: &[(String, String)]| labels.iter().any(|(k, value)| k == key && wanted(value));
        Some(self.sum_where(name, matching).unwrap_or(0.0))
    }

    fn sum_where(&self, name: &str, wanted: impl Fn(&[(String, String)]) -> bool) -> Option<f64> {
        let named = self.samples.iter().filter(|sample| sample.name == name && wanted(&sample.labels));
        named.map(|sample| sample.value).reduce(|a, b| a + b)
    }

    /// The buckets of a histogram, summed over its other labels.
    pub(crate) fn buckets(&self, name: &str) -> Option<Buckets> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.samples.iter().filter(|sample| sample.name == name) {
            let bound = sample.labels.iter().find(|(key, _)| key == "le")?.1.parse::<f64>().ok()?;
            match buckets.iter_mut().find(|(at, _)| *at == bound) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((bound, sample.value)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        (!buckets.is_empty()).then_some(Buckets(buckets))
    }
}

impl Buckets {
    /// What was counted since `before`.
    pub(crate) fn since(mut self, before: &Buckets) -> Self {
        for (bound, count) in &mut self.0 {
            let earlier = before.0.iter().find(|(at, _)| at == bound).map_or(0.0, |(_, count)| *count);
            *count = (*count - earlier).max(0.0);
        }
        self
    }

    /// The value below which `fraction` of the observations lie, taken as evenly spread within a bucket.
    /// None without observations, or beyond the last finite bound, where nothing is known.
    pub(crate) fn quantile(&self, fraction: f64) -> Option<f64> {
        let total = self.0.last()?.1;
        if total <= 0.0 {
            return None;
        }
        let rank = fraction * total;
        let index = self.0.iter().position(|(_, count)| *count >= rank)?;
        let (upper, count) = self.0[index];
        let (lower, below) = if index == 0 { (0.0, 0.0) } else { self.0[index - 1] };
        let within = if count > below { (rank - below) / (count - below) } else { 1.0 };
        Some(lower + (upper - lower) * within.clamp(0.0, 1.0)).filter(|value| value.is_finite())
    }

    /// The upper bound of the highest bucket with an observation; none where that is infinite.
    pub(crate) fn max(&self) -> Option<f64> {
        let total = self.0.last()?.1;
        let highest = self.0.iter().find(|(_, count)| *count >= total && total > 0.0)?;
        Some(highest.0).filter(|bound| bound.is_finite())
    }
}

fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inner) => labels(inner)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Reads `key="value",...}` and gives back what follows.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (key, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((key.trim().to_owned(), value));
        rest = after;
    }
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            'n' if escaped => value.push('\n'),
            _ if escaped => value.push(c),
            '\\' => {
                escaped = true;
                continue;
            }
            '"' => return Some((value, &text[at + 1..])),
            _ => value.push(c),
        }
        escaped = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"# HELP tickstone_ticks Steps of all matches.
# TYPE tickstone_ticks counter
tickstone_ticks_total 12000
# HELP tickstone_inputs Inputs by what became of them.
# TYPE tickstone_inputs counter
tickstone_inputs_total{result="accepted"} 90000
tickstone_inputs_total{result="late"} 7
tickstone_inputs_total{result="early"} 2
# TYPE tickstone_match_tick_lateness_seconds histogram
tickstone_match_tick_lateness_seconds_sum 1.5
tickstone_match_tick_lateness_seconds_count 100
tickstone_match_tick_lateness_seconds_bucket{le="0.0001"} 50
tickstone_match_tick_lateness_seconds_bucket{le="0.0002"} 90
tickstone_match_tick_lateness_seconds_bucket{le="0.001"} 100
tickstone_match_tick_lateness_seconds_bucket{le="+Inf"} 100
process_cpu_seconds_total 1.25e1 1700000000
process_resident_memory_bytes 4.2e+07
odd{text="a \"b\" \\ , } c",other=""} 1
# EOF
"#;

    #[test]
    fn samples_by_name_and_label() {
        let page = Page::parse(PAGE);
        assert_eq!(page.sum("tickstone_ticks_total"), Some(12_000.0));
        assert_eq!(page.sum("process_cpu_seconds_total"), Some(12.5));
        assert_eq!(page.sum("process_resident_memory_bytes"), Some(42_000_000.0));
        assert_eq!(page.sum("missing"), None);
        let lost = |result: &str| result == "late" || result == "early";
        assert_eq!(page.sum_by_label("tickstone_inputs_total", "result", lost), Some(9.0));
        assert_eq!(page.sum_by_label("tickstone_inputs_total", "result", |_| false), Some(0.0));
        assert_eq!(page.sum_by_label("missing", "result", |_| true), None);
        assert_eq!(page.sum_by_label("odd", "text", |value| value == "a \"b\" \\ , } c"), Some(1.0));
    }

    #[test]
    fn quantiles_lie_within_their_buckets() {
        let buckets = Page::parse(PAGE).buckets("tickstone_match_tick_lateness_seconds").unwrap();
        let near = |fraction: f64, expected: f64| {
            let got = buckets.quantile(fraction).unwrap();
            assert!((got - expected).abs() < 1e-9, "{fraction}: {got}");
        };
        near(0.25, 0.000_05);
        near(0.5, 0.000_1);
        near(0.7, 0.000_15);
        near(0.95, 0.000_6);
        assert_eq!(buckets.max(), Some(0.001));
    }

    #[test]
    fn only_the_window_counts_and_the_unknown_is_none() {
        let before = Page::parse(PAGE).buckets("tickstone_match_tick_lateness_seconds").unwrap();
        let mut after = before.clone();
        let nothing = after.clone().since(&before);
        assert_eq!((nothing.quantile(0.5), nothing.max()), (None, None));
        after.0[0].1 += 3.0;
        after.0[1].1 += 4.0;
        after.0[2].1 += 4.0;
        after.0[3].1 += 5.0;
        let window = after.since(&before);
        assert_eq!(window.max(), None, "the highest observation is beyond the last finite bound");
        assert_eq!(window.quantile(0.999), None);
        assert!(window.quantile(0.5).unwrap() <= 0.000_1);
    }

    #[test]
    fn nonsense_is_no_sample() {
        for line in ["", "name", "name{a=\"b} 3", "name x", "{} 3 4 5{"] {
            assert!(Page::parse(line).sum("name").is_none(), "{line}");
        }
    }
}
