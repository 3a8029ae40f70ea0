//! GT06: logs in by IMEI, reports by 0x12, and by 0x16 with an alarm.

use super::write::{bcd_digits, date_time, scaled_u8, scaled_u16, scaled_u32};
use super::{Heard, Progress, Tracker};
use crate::field::checksum::crc16_x25;
use crate::{Alarm, Command, DeviceId, Fix};

pub(super) struct Gt06 {
    imei: [u8; 8],
    serial: u16,
    progress: Progress,
    pending: Vec<u8>,
}

impl Gt06 {
    pub(super) fn new(device: &DeviceId) -> Self {
        Self {
            imei: bcd_digits(device),
            serial: 0,
            progress: Progress::Waiting,
            pending: Vec::new(),
        }
    }

    fn frame(&mut self, number: u8, body: &[u8]) -> Vec<u8> {
        self.serial = self.serial.wrapping_add(1);
        // Protocol number, body, serial and checksum count.
        let length = u8::try_from(body.len().saturating_add(5)).unwrap_or(u8::MAX);
        let mut frame = vec![0x78, 0x78, length, number];
        frame.extend_from_slice(body);
        frame.extend_from_slice(&self.serial.to_be_bytes());
        let sum = crc16_x25(frame.get(2..).unwrap_or_default());
        frame.extend_from_slice(&sum.to_be_bytes());
        frame.extend_from_slice(b"\r\n");
        frame
    }
}

impl Tracker for Gt06 {
    fn hello(&mut self) -> Vec<u8> {
        self.progress = Progress::Waiting;
        self.pending.clear();
        let imei = self.imei;
        self.frame(0x01, &imei)
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        self.pending.extend_from_slice(bytes);
        while let [start, _, length, ..] = *self.pending {
            // Two bytes before the length and, behind what it counts, two of line end.
            let end = usize::from(length).saturating_add(5);
            if start != 0x78 {
                self.pending.clear();
                break;
            }
            let Some(frame) = self.pending.get(..end) else { break };
            match frame.get(3..end.saturating_sub(6)) {
                Some([0x01, ..]) => self.progress = Progress::Ready,
                // Length, four bytes of the server's, text.
                Some([0x80, _, _, _, _, _, text @ ..]) if text == b"WHERE#" => {
                    heard.asked.push(Command::Position);
                }
                _ => {}
            }
            self.pending.drain(..end);
        }
        heard
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn report(&mut self, fix: &Fix) -> Vec<u8> {
        let course = (scaled_u16(fix.course_deg.unwrap_or_default(), 1.0) & 0x03ff)
            | u16::from(fix.latitude >= 0.0) << 10
            | u16::from(fix.longitude < 0.0) << 11
            | u16::from(fix.valid) << 12;
        let mut body: Vec<u8> = date_time(fix.fix_time, 0).map(i8::unsigned_abs).to_vec();
        // Twelve bytes of satellite data, nine satellites.
        body.push(0xc9);
        body.extend_from_slice(&scaled_u32(fix.latitude.abs(), 1_800_000.0).to_be_bytes());
        body.extend_from_slice(&scaled_u32(fix.longitude.abs(), 1_800_000.0).to_be_bytes());
        body.push(scaled_u8(fix.speed_kmh.unwrap_or_default(), 1.0));
        body.extend_from_slice(&course.to_be_bytes());
        if !fix.alarms.contains(Alarm::Sos) {
            // Country, network, area and cell of the mobile network: China, unknown.
            body.extend_from_slice(&[0x01, 0xcc, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]);
            return self.frame(0x12, &body);
        }
        // The same with its own length, then status, voltage, signal, alarm 1, language.
        body.extend_from_slice(&[0x09, 0x01, 0xcc, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]);
        body.extend_from_slice(&[0x46, 0x06, 0x04, 0x01, 0x02]);
        self.frame(0x16, &body)
    }

    fn is_answered(&self) -> bool {
        false
    }
}
