//! What a message holds, on its way out.

use super::status::Status;
use crate::{AlarmSet, Fix, Out, Reject, Time};

/// Everything that one message states.
#[derive(Default)]
pub(super) struct Found {
    /// The position.
    pub(super) fix: Option<Fix>,
    /// When a message without a position was made.
    pub(super) time: Option<Time>,
    /// The position is sent late.
    pub(super) is_stored: bool,
    /// The rest.
    pub(super) status: Status,
    /// The parts that cost only themselves.
    pub(super) rejects: Vec<Reject>,
}

impl Found {
    /// A position, or why there is none.
    pub(super) fn place(&mut self, fix: Result<Fix, Reject>) {
        match fix {
            Ok(fix) => self.fix = Some(fix),
            Err(reject) => self.rejects.push(reject),
        }
    }

    /// What follows the position may end early without costing it.
    pub(super) fn tail(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Reject>) {
        if let Err(reject) = read(self) {
            self.rejects.push(reject);
        }
    }

    /// Puts it out; `reply` between what was found and what was refused.
    pub(super) fn give(self, out: &mut Out<'_>, reply: impl FnOnce(&mut Out<'_>)) {
        let Status { alarms, states, attributes } = self.status;
        if let Some(fix) = self.fix {
            let (backfill, alarm_states) = (self.is_stored, states);
            out.fix(Fix { backfill, alarms, alarm_states, ..fix }, attributes);
        } else if self.is_stored {
            // Without a time, stored states would be taken for today's.
            if !alarms.is_empty() {
                out.report(self.time, alarms, attributes);
            }
        } else if self.time.is_some()
            || alarms != AlarmSet::EMPTY
            || states != AlarmSet::EMPTY
            || !attributes.is_empty()
        {
            out.report_states(self.time, alarms, states, attributes);
        }
        reply(out);
        for reject in self.rejects {
            out.reject(reject);
        }
    }
}
