//! Conditions on a result: `tick_hz>=59.5,input_to_effect_ms.p99<50`, over dotted paths of the JSON object.
//!
//! A path that ends at an object means its `min`, else its `p50`: `tick_hz` is the slowest client's. What was
//! not measured (null) breaks every condition on it. A path may begin with a phase's name: `during.tick_hz>=59`.

use serde_json::Value;
use std::fmt;

/// Text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SloError {
    /// No comparison in it.
    #[error("{0:?} has none of >= <= == > <")]
    Comparison(String),
    /// Nothing before the comparison.
    #[error("{0:?} names nothing to compare")]
    Path(String),
    /// No number after the comparison.
    #[error("{0:?} does not end in a number")]
    Number(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    AtLeast,
    AtMost,
    Equal,
    Above,
    Below,
}

/// Longer signs first: `>=` holds a `>`.
const COMPARISONS: [(&str, Comparison); 5] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("==", Comparison::Equal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    text: String,
    path: String,
    comparison: Comparison,
    limit: f64,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    text: String,
    measured: Option<f64>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measured {
            Some(measured) => write!(f, "SLO broken: {}: measured {measured}", self.text),
            None => write!(f, "SLO broken: {}: not measured", self.text),
        }
    }
}

impl Slo {
    /// Reads conditions separated by commas.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, SloError> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, SloError> {
        let found =
            COMPARISONS.iter().find_map(|(sign, comparison)| Some((text.split_once(sign)?, *comparison)));
        let ((path, limit), comparison) = found.ok_or_else(|| SloError::Comparison(text.to_owned()))?;
        let path = path.trim().to_owned();
        if path.is_empty() {
            return Err(SloError::Path(text.to_owned()));
        }
        let limit = limit.trim().parse().ok().filter(|limit: &f64| limit.is_finite());
        let limit = limit.ok_or_else(|| SloError::Number(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), path, comparison, limit })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Does the result keep this condition?
    pub fn check(&self, result: &Value) -> Result<(), Broken> {
        let at = |from: Option<&'_ Value>| -> Option<f64> {
            number(self.path.split('.').try_fold(from?, |value, key| value.get(key)))
        };
        let measured = at(Some(result)).or_else(|| at(result.get("phases")));
        let holds = measured.is_some_and(|measured| match self.comparison {
            Comparison::AtLeast => measured >= self.limit,
            Comparison::AtMost => measured <= self.limit,
            Comparison::Equal => measured == self.limit,
            Comparison::Above => measured > self.limit,
            Comparison::Below => measured < self.limit,
        });
        if holds { Ok(()) } else { Err(Broken { text: self.text.clone(), measured }) }
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Object(of) => of.get("min").or_else(|| of.get("p50")).and_then(Value::as_f64),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn broken(text: &str) -> Vec<String> {
        let result = json!({
            "tick_hz": {"min": 59.9, "p50": 60.0},
            "input_to_effect_ms": {"p50": 30.0, "p99": 55.5},
            "server": {"ticks_slipped": null},
            "disconnects": 0,
            "generator_bound": false,
        });
        let slos = Slo::parse_all(text).unwrap();
        slos.iter().filter_map(|slo| slo.check(&result).err()).map(|broken| broken.to_string()).collect()
    }

    #[test]
    fn conditions_that_hold() {
        assert!(broken("tick_hz>=59.5, tick_hz.p50>=60,disconnects==0,input_to_effect_ms<31").is_empty());
        assert!(broken("generator_bound==0, disconnects<=0,tick_hz.min<60,tick_hz.min>59").is_empty());
        assert!(broken("").is_empty());
    }

    #[test]
    fn conditions_that_do_not() {
        assert_eq!(
            broken("input_to_effect_ms.p99<50"),
            ["SLO broken: input_to_effect_ms.p99<50: measured 55.5"]
        );
        assert_eq!(broken("server.ticks_slipped==0"), ["SLO broken: server.ticks_slipped==0: not measured"]);
        assert_eq!(broken("no.such.thing>=0").len(), 1);
    }

    #[test]
    fn a_phase_is_named_first() {
        let result = json!({"tick_hz": 60, "phases": {"during": {"tick_hz": {"min": 58.5, "p50": 60.0}}}});
        let check = |text: &str| Slo::parse_all(text).unwrap()[0].check(&result).is_ok();
        assert!(check("during.tick_hz>=58") && !check("during.tick_hz>=59") && check("tick_hz>=59"));
        assert!(!check("after.tick_hz>=0"));
    }

    #[test]
    fn text_that_is_no_condition() {
        assert_eq!(Slo::parse_all("tick_hz"), Err(SloError::Comparison("tick_hz".into())));
        assert_eq!(Slo::parse_all(">=5"), Err(SloError::Path(">=5".into())));
        assert_eq!(Slo::parse_all("a>=x"), Err(SloError::Number("a>=x".into())));
        assert_eq!(Slo::parse_all("a>=nan"), Err(SloError::Number("a>=nan".into())));
    }
}
