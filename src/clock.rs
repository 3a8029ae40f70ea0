//! [`Clock`]: the engine's time, from the machine's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use interdict_protocols::Time;

/// The server's clock: the wall's time when it was made, carried on by the monotonic clock, so that
/// a step of the wall's never moves the engine's time back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_at: Time,
    speed: f64,
}

impl Clock {
    /// The present time, at its own pace.
    #[must_use]
    pub fn wall() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
        Self::new(Time::from_millis(milliseconds), 1.0)
    }

    /// A clock that shows `now` and runs `speed` times as fast as the wall's.
    #[must_use]
    pub fn new(now: Time, speed: f64) -> Self {
        Self { started: Instant::now(), started_at: now, speed }
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.started_at.plus_seconds(self.started.elapsed().as_secs_f64() * self.speed)
    }

    /// How many times as fast as the wall's clock it runs.
    #[must_use]
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// When the wall's clock will have moved so far that this one shows `time`.
    #[must_use]
    pub fn instant(&self, time: Time) -> Instant {
        let seconds = time.seconds_since(self.started_at) / self.speed;
        // A year is long enough to wait for anything; it keeps the sum in range.
        self.started + Duration::from_secs_f64(seconds.clamp(0.0, 31_557_600.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_waits_less_long() {
        let clock = Clock::new(Time::from_seconds(1_000), 10.0);
        assert!(clock.now() >= Time::from_seconds(1_000));
        let waited = clock.instant(Time::from_seconds(1_050)) - clock.started;
        assert_eq!(waited, Duration::from_secs(5));
        assert_eq!(clock.instant(Time::from_seconds(0)), clock.started);
    }
}
