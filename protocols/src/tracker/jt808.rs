//! JT/T 808-2013: registers, authenticates, reports by 0x0200.

use super::write::{bcd, bcd_digits, date_time, scaled_u16, scaled_u32};
use super::{Heard, Progress, Tracker};
use crate::field::checksum::xor;
use crate::field::date::CHINA_S;
use crate::field::text::gbk;
use crate::{Alarm, Command, DeviceId, Fix};

const REGISTER: u16 = 0x0100;
const AUTHENTICATE: u16 = 0x0102;
const LOCATION: u16 = 0x0200;
const REGISTER_ANSWER: u16 = 0x8100;
const GENERAL_ANSWER: u16 = 0x8001;
const POSITION_REQUEST: u16 = 0x8201;
const TRACKING: u16 = 0x8202;
const TEXT: u16 = 0x8300;
const ANSWER_OF_TERMINAL: u16 = 0x0001;

pub(super) struct Jt808 {
    number: [u8; 6],
    serial: u16,
    progress: Progress,
    pending: Vec<u8>,
}

impl Jt808 {
    pub(super) fn new(device: &DeviceId) -> Self {
        Self {
            number: bcd_digits(device),
            serial: 0,
            progress: Progress::Waiting,
            pending: Vec::new(),
        }
    }

    fn frame(&mut self, id: u16, body: &[u8]) -> Vec<u8> {
        self.serial = self.serial.wrapping_add(1);
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX) & 0x03ff;
        let mut message = Vec::with_capacity(body.len().saturating_add(16));
        message.extend_from_slice(&id.to_be_bytes());
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(&self.number);
        message.extend_from_slice(&self.serial.to_be_bytes());
        message.extend_from_slice(body);
        message.push(xor(&message));
        let mut frame = vec![0x7e];
        for byte in message {
            match byte {
                0x7e => frame.extend([0x7d, 0x02]),
                0x7d => frame.extend([0x7d, 0x01]),
                byte => frame.push(byte),
            }
        }
        frame.push(0x7e);
        frame
    }

    fn answer(&mut self, message: &[u8], heard: &mut Heard) {
        let (Some(id), Some(body)) = (message.first_chunk::<2>(), message.get(12..)) else {
            return;
        };
        let id = u16::from_be_bytes(*id);
        if let Some(command) = command(id, body) {
            heard.asked.push(command);
            // Serial number and message that are answered, and that it is done.
            let [serial_high, serial_low] =
                message.get(10..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
            let [high, low] = id.to_be_bytes();
            heard
                .say
                .extend(self.frame(ANSWER_OF_TERMINAL, &[serial_high, serial_low, high, low, 0]));
        }
        match (id, body) {
            (REGISTER_ANSWER, [_, _, 0, token_and_sum @ ..]) => {
                let token = token_and_sum.split_last().map_or(&[][..], |(_, token)| token);
                heard.say = self.frame(AUTHENTICATE, token);
            }
            (REGISTER_ANSWER, _) => self.progress = Progress::Refused,
            (GENERAL_ANSWER, [_, _, high, low, result, ..]) => {
                match (u16::from_be_bytes([*high, *low]), result) {
                    (AUTHENTICATE, 0) => self.progress = Progress::Ready,
                    (AUTHENTICATE, _) => self.progress = Progress::Refused,
                    // 4: the alarm is confirmed.
                    (LOCATION, 0 | 4) => heard.accepted = heard.accepted.saturating_add(1),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl Tracker for Jt808 {
    fn hello(&mut self) -> Vec<u8> {
        self.progress = Progress::Waiting;
        self.pending.clear();
        // Province, county, maker (5), model (20), terminal (7), colour of the plate, plate: unknown.
        self.frame(REGISTER, &[0; 37])
    }

    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        self.pending.extend_from_slice(bytes);
        let mut pending = std::mem::take(&mut self.pending);
        let mut messages = pending.split(|byte| *byte == 0x7e).peekable();
        let mut rest = Vec::new();
        while let Some(escaped) = messages.next() {
            if messages.peek().is_none() {
                rest = escaped.to_vec();
            } else if !escaped.is_empty() {
                self.answer(&unescape(escaped), &mut heard);
            }
        }
        pending.clear();
        pending.append(&mut rest);
        self.pending = pending;
        heard
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn report(&mut self, fix: &Fix) -> Vec<u8> {
        let alarm = u32::from(fix.alarms.contains(Alarm::Sos));
        // Ignition on, position valid, south, west.
        let status = 1
            | u32::from(fix.valid) << 1
            | u32::from(fix.latitude < 0.0) << 2
            | u32::from(fix.longitude < 0.0) << 3;
        let mut body = Vec::with_capacity(28);
        body.extend_from_slice(&alarm.to_be_bytes());
        body.extend_from_slice(&status.to_be_bytes());
        body.extend_from_slice(&scaled_u32(fix.latitude.abs(), 1e6).to_be_bytes());
        body.extend_from_slice(&scaled_u32(fix.longitude.abs(), 1e6).to_be_bytes());
        body.extend_from_slice(&scaled_u16(fix.altitude_m.unwrap_or_default(), 1.0).to_be_bytes());
        body.extend_from_slice(&scaled_u16(fix.speed_kmh.unwrap_or_default(), 10.0).to_be_bytes());
        body.extend_from_slice(&scaled_u16(fix.course_deg.unwrap_or_default(), 1.0).to_be_bytes());
        body.extend(date_time(fix.fix_time, CHINA_S).map(bcd));
        self.frame(LOCATION, &body)
    }

    fn is_answered(&self) -> bool {
        true
    }
}

/// What a message asks for; its checksum stands behind its body.
fn command(id: u16, body: &[u8]) -> Option<Command> {
    match (id, body) {
        (POSITION_REQUEST, [_]) => Some(Command::Position),
        (TRACKING, [0, 0, _]) => Some(Command::ReportAsUsual),
        (TRACKING, [a, b, c, d, e, f, _]) => Some(Command::ReportEvery {
            interval_s: u16::from_be_bytes([*a, *b]),
            for_s: u32::from_be_bytes([*c, *d, *e, *f]),
        }),
        (TEXT, [_, text @ .., _]) => Some(Command::Text(gbk(text).into_owned())),
        _ => None,
    }
}

fn unescape(escaped: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            0x7d => match rest.next() {
                Some(2) => 0x7e,
                _ => 0x7d,
            },
            byte => *byte,
        });
    }
    bytes
}
