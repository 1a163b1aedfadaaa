//! When a call that failed before its first message is tried again: gRPC's proposal A6, by hand, since tonic has none of it.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::{Code, Status};

/// CANCELLED is what gRPC's server says of a call that comes between its stop and the news of it (GOAWAY), before any
/// handler has seen it; a caller who cancels drops the call, and its tries with it.
const RETRIED: [Code; 2] = [Code::Unavailable, Code::Cancelled];
const MAX_TRIES: u32 = 4;
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(2);
const BACKOFF_FACTOR: u32 = 2;
/// A back-off is drawn from so much around its value, so that callers who failed together do not come back together.
const JITTER: f64 = 0.2;

const PUSHBACK_KEY: &str = "grpc-retry-pushback-ms";

/// Every failed try takes one of the tokens, every call that succeeds gives half a one back; at half of them nothing is
/// tried again. A rolling restart fails dozens of calls at once, an outage thousands. Counted in halves.
const MAX_HALF_TOKENS: u32 = 200;
const HALF_TOKENS_OF_A_FAILURE: u32 = 2;
const HALF_TOKENS_OF_A_SUCCESS: u32 = 1;

/// Bounds the retries of all calls of one client together.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<u32>);

impl Default for Throttle {
    fn default() -> Self {
        Self(Mutex::new(MAX_HALF_TOKENS))
    }
}

impl Throttle {
    /// Counts a call that succeeded.
    pub(crate) fn succeed(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (*held + HALF_TOKENS_OF_A_SUCCESS).min(MAX_HALF_TOKENS);
    }

    /// Counts a try that failed; returns whether another one is permitted.
    fn fail(&self) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = held.saturating_sub(HALF_TOKENS_OF_A_FAILURE);
        *held > MAX_HALF_TOKENS / 2
    }
}

/// The tries of one call.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    throttle: &'a Throttle,
    made: u32,
    backoff: Duration,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(throttle: &'a Throttle) -> Self {
        Self { throttle, made: 0, backoff: INITIAL_BACKOFF }
    }

    /// How many have failed by now.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// Counts a try that failed; returns how long to wait before the next, `None` if there is none. `random` lies in 0 to 1.
    pub(crate) fn fail(&mut self, status: &Status, random: f64) -> Option<Duration> {
        self.made += 1;
        if !RETRIED.contains(&status.code()) {
            return None;
        }
        let permitted = self.throttle.fail();
        if !permitted || self.made >= MAX_TRIES {
            return None;
        }
        if let Some(told) = status.metadata().get(PUSHBACK_KEY) {
            self.backoff = INITIAL_BACKOFF;
            return told.to_str().ok()?.parse().ok().map(Duration::from_millis);
        }
        let wait = self.backoff.mul_f64(1.0 - JITTER + 2.0 * JITTER * random);
        self.backoff = (self.backoff * BACKOFF_FACTOR).min(MAX_BACKOFF);
        Some(wait)
    }
}

/// Returns a number from 0 to 1, unlike from call to call: good enough for a jitter.
pub(crate) fn random() -> f64 {
    // The standard library's hashers start from random keys.
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::metadata::MetadataValue;

    const MIDDLE: f64 = 0.5;

    fn unavailable() -> Status {
        Status::unavailable("gone")
    }

    fn pushed_back(told: &'static str) -> Status {
        let mut status = unavailable();
        status.metadata_mut().insert(PUSHBACK_KEY, MetadataValue::from_static(told));
        status
    }

    fn waits(statuses: &[Status], random: f64) -> Vec<Option<u64>> {
        let throttle = Throttle::default();
        let mut tries = Tries::new(&throttle);
        statuses.iter().map(|status| tries.fail(status, random).map(|wait| wait.as_millis() as u64)).collect()
    }

    #[test]
    fn unavailable_is_tried_four_times_with_growing_waits() {
        let failures = [unavailable(), unavailable(), unavailable(), unavailable()];
        assert_eq!(waits(&failures, MIDDLE), [Some(100), Some(200), Some(400), None]);
    }

    #[test]
    fn what_a_stopping_gateway_turned_away_is_tried_again() {
        assert_eq!(waits(&[Status::cancelled("CANCELLED")], MIDDLE), [Some(100)]);
    }

    #[test]
    fn waits_are_drawn_from_a_fifth_around_their_value() {
        assert_eq!(waits(&[unavailable()], 0.0), [Some(80)]);
        assert_eq!(waits(&[unavailable()], 1.0), [Some(120)]);
        for _ in 0..100 {
            assert!((0.0..=1.0).contains(&random()));
        }
        assert_ne!(random(), random());
    }

    #[test]
    fn no_other_code_is_tried_again() {
        for code in (0..=16).map(Code::from_i32).filter(|code| !RETRIED.contains(code)) {
            assert_eq!(waits(&[Status::new(code, "")], MIDDLE), [None], "{code:?}");
        }
    }

    #[test]
    fn push_back_says_when_and_whether() {
        assert_eq!(waits(&[pushed_back("7")], MIDDLE), [Some(7)]);
        assert_eq!(waits(&[pushed_back("0")], MIDDLE), [Some(0)]);
        for never in ["-1", "soon", "", "1.5"] {
            assert_eq!(waits(&[pushed_back(never)], MIDDLE), [None], "{never}");
        }
    }

    #[test]
    fn push_back_starts_the_waits_anew_and_counts_as_a_try() {
        let failures = [unavailable(), pushed_back("5000"), unavailable(), pushed_back("0")];
        assert_eq!(waits(&failures, MIDDLE), [Some(100), Some(5000), Some(100), None]);
    }

    #[test]
    fn an_outage_ends_the_retries_of_the_whole_client_and_successes_bring_them_back() {
        let throttle = Throttle::default();
        let may_retry = || Tries::new(&throttle).fail(&unavailable(), MIDDLE).is_some();
        for failure in 1..50 {
            assert!(may_retry(), "failure {failure} of a full bucket");
        }
        assert!(!may_retry(), "half of the tokens are gone");
        for _ in 0..2 {
            throttle.succeed();
        }
        assert!(!may_retry(), "two halves pay for one failure only");
        for _ in 0..3 {
            throttle.succeed();
        }
        assert!(may_retry());
    }
}
