//! What the parts of a frame tell, in whichever form.

use std::borrow::Cow;

use crate::field::Reader;
use crate::{Alarm, AlarmSet, Attributes, Fix, Out, Reason, Reject, Time};

const IGNITION: u16 = 1 << 9;

static ALARMS: [(u16, Alarm); 10] = [
    // Both are true of it: it was cut, which may come before a tracker falls silent, and it is off.
    (0, Alarm::PowerCut),
    (0, Alarm::PowerOff),
    (1, Alarm::Movement),
    (2, Alarm::Overspeed),
    (3, Alarm::Jamming),
    (4, Alarm::Geofence),
    (5, Alarm::Tow),
    (10, Alarm::Sos),
    (14, Alarm::Accident),
    (15, Alarm::LowBattery),
];

/// By the bits of what the driver does; of those that are left out, an engine that is driven cold
/// (3) and a rough road (6) are no alarms.
static DRIVER: [(u8, Alarm); 6] = [
    (0, Alarm::HardAcceleration),
    (1, Alarm::HardBraking),
    (2, Alarm::HardCornering),
    (4, Alarm::Idle),
    (5, Alarm::Fatigue),
    (7, Alarm::HighRpm),
];

#[derive(Default)]
pub(super) struct Told {
    pub(super) fix: Option<Fix>,
    pub(super) attributes: Attributes,
    alarms: AlarmSet,
}

impl Told {
    pub(super) fn put(self, time: Option<Time>, out: &mut Out<'_>) {
        match self.fix {
            Some(mut fix) => {
                fix.alarms = self.alarms;
                out.fix(fix, self.attributes);
            }
            None => out.report(time, self.alarms, self.attributes),
        }
    }

    /// Left out where there is nothing in it.
    pub(super) fn text(&mut self, name: &'static str, text: Cow<'_, str>) {
        if !text.is_empty() {
            self.attributes.set(name, text);
        }
    }

    pub(super) fn cell(&mut self, country: u16, network: u16, area: u16, cell: u32, below_0: u8) {
        self.attributes.set("mcc", country);
        self.attributes.set("mnc", network);
        self.attributes.set("lac", area);
        self.attributes.set("cell_id", cell);
        self.attributes.set("rssi", i16::from(below_0).saturating_neg());
    }

    pub(super) fn state(&mut self, state: u16, alarms: u16) {
        self.attributes.set("ignition", state & IGNITION != 0);
        self.attributes.set("status", state);
        for (bit, alarm) in ALARMS {
            if alarms & (1 << bit) != 0 {
                self.alarms.insert(alarm);
            }
        }
    }

    /// Volts, or degrees of kind 1.
    pub(super) fn input(&mut self, kind: u16, value: f64) {
        let name = match kind {
            0 => "power_v",
            1 => "device_temperature_c",
            2 => "battery_v",
            3 => "adc_1_v",
            _ => return,
        };
        self.attributes.set(name, value);
    }

    pub(super) fn fences(&mut self, inside: u32, alarm: u32) {
        self.attributes.set("geofences_inside", inside);
        self.attributes.set("geofences_alarm", alarm);
    }

    pub(super) fn driver(&mut self, does: u8) {
        self.attributes.set("driver_behaviour", does);
        for (bit, alarm) in DRIVER {
            if does & (1 << bit) != 0 {
                self.alarms.insert(alarm);
            }
        }
    }

    pub(super) fn card(&mut self, card: &str, is_allowed: bool) {
        if !card.is_empty() {
            self.attributes.set("driver_id", card.to_owned());
            self.attributes.set("driver_allowed", is_allowed);
        }
    }

    /// Parameters of SAE J1979, each behind its length and mode. Those of other modes than 1, what
    /// is so now, are trouble codes and the like.
    pub(super) fn engine(&mut self, mut parameters: Reader<'_>) -> Result<(), Reject> {
        while !parameters.is_empty() {
            let malformed = parameters.reject(Reason::Malformed);
            let head = parameters.u8()?;
            let length = usize::from(head >> 4).checked_sub(1).ok_or(malformed)?;
            let value = parameters.take(length)?;
            if head & 0x0f == 1
                && let [number, value @ ..] = value
            {
                self.parameter(*number, value);
            }
        }
        Ok(())
    }

    fn parameter(&mut self, number: u8, value: &[u8]) {
        let attributes = &mut self.attributes;
        let percent = |byte: u8| f64::from(byte) * 100.0 / 255.0;
        let degrees = |byte: u8| i16::from(byte).saturating_sub(40);
        match (number, value) {
            (0x04, [byte]) => attributes.set("engine_load_percent", percent(*byte)),
            (0x05, [byte]) => attributes.set("coolant_temperature_c", degrees(*byte)),
            (0x0b, [byte]) => attributes.set("intake_pressure_kpa", *byte),
            (0x0d, [byte]) => attributes.set("obd_speed_kmh", *byte),
            (0x0f, [byte]) => attributes.set("intake_c", degrees(*byte)),
            (0x11, [byte]) => attributes.set("throttle_percent", percent(*byte)),
            (0x2f, [byte]) => attributes.set("fuel_percent", percent(*byte)),
            (0x0c | 0x10 | 0x1f, [high, low]) => {
                let word = u16::from_be_bytes([*high, *low]);
                match number {
                    0x0c => attributes.set("rpm", f64::from(word) / 4.0),
                    0x10 => attributes.set("intake_flow_g_s", f64::from(word) / 100.0),
                    _ => attributes.set("run_time_s", word),
                }
            }
            _ => {}
        }
    }
}
