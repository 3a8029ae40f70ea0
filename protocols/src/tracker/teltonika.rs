//! Teltonika over TCP: names its IMEI, reports by codec 8.

use super::write::{scaled, scaled_u16};
use super::{Heard, Progress, Tracker};
use crate::field::checksum::crc16_arc;
use crate::{Alarm, Command, DeviceId, Fix};

pub(super) struct Teltonika {
    imei: Vec<u8>,
    progress: Progress,
    pending: Vec<u8>,
}

impl Teltonika {
    pub(super) fn new(device: &DeviceId) -> Self {
        Self {
            imei: device.as_str().as_bytes().to_vec(),
            progress: Progress::Waiting,
            pending: Vec::new(),
        }
    }
}

impl Tracker for Teltonika {
    fn hello(&mut self) -> Vec<u8> {
        self.progress = Progress::Waiting;
        self.pending.clear();
        let length = u16::try_from(self.imei.len()).unwrap_or(u16::MAX);
        [length.to_be_bytes().as_slice(), &self.imei].concat()
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        self.pending.extend_from_slice(bytes);
        let mut heard = Heard::default();
        let mut pending = self.pending.as_slice();
        if self.progress == Progress::Waiting
            && let Some((answer, rest)) = pending.split_first()
        {
            self.progress = if *answer == 1 { Progress::Ready } else { Progress::Refused };
            pending = rest;
        }
        while let Some((head, rest)) = pending.split_first_chunk::<4>() {
            // Nobody accepts no records: zeros begin a message.
            if *head == [0; 4] {
                let Some((length, rest)) = rest.split_first_chunk::<4>() else { break };
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                let Some((data, rest)) = rest.split_at_checked(length.saturating_add(4)) else {
                    break;
                };
                // Codec 12, one, a command, its size, text, one; then the checksum.
                if let [0x0c, 1, 5, _, _, _, _, text @ .., 1, _, _, _, _] = data
                    && text == b"getgps"
                {
                    heard.asked.push(Command::Position);
                }
                pending = rest;
                continue;
            }
            let count = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
            heard.accepted = heard.accepted.saturating_add(count);
            pending = rest;
        }
        self.pending = pending.to_vec();
        heard
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn report(&mut self, fix: &Fix) -> Vec<u8> {
        let coordinate = |value: f64| i32::try_from(scaled(value, 1e7)).unwrap_or_default();
        let altitude = i16::try_from(scaled(fix.altitude_m.unwrap_or_default(), 1.0)).unwrap_or(0);
        // Codec 8, one record.
        let mut data = vec![0x08, 0x01];
        data.extend_from_slice(&fix.fix_time.millis().to_be_bytes());
        data.push(if fix.alarms.contains(Alarm::Sos) { 2 } else { 0 });
        data.extend_from_slice(&coordinate(fix.longitude).to_be_bytes());
        data.extend_from_slice(&coordinate(fix.latitude).to_be_bytes());
        data.extend_from_slice(&altitude.to_be_bytes());
        data.extend_from_slice(&scaled_u16(fix.course_deg.unwrap_or_default(), 1.0).to_be_bytes());
        // No satellites say that the position is not valid.
        data.push(if fix.valid { 9 } else { 0 });
        data.extend_from_slice(&scaled_u16(fix.speed_kmh.unwrap_or_default(), 1.0).to_be_bytes());
        // Event 0; one element in all, of one byte: ignition (239) on; none of two, four, eight.
        data.extend_from_slice(&[0, 1, 1, 239, 1, 0, 0, 0]);
        data.push(0x01);
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let sum = u32::from(crc16_arc(&data));
        [&[0; 4], length.to_be_bytes().as_slice(), &data, &sum.to_be_bytes()].concat()
    }

    fn is_answered(&self) -> bool {
        true
    }
}
