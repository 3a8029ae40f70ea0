//! Data: records without a mark between them.

use super::{entry, identify};
use crate::field::{Reader, text};
use crate::{Alarm, AlarmSet, Attributes, Context, Fix, Out, Reason, Reject, Time};

/// What is known of one record.
#[derive(Default)]
struct Record {
    /// The keys read, a bit each.
    keys: [u64; 4],
    time: Option<Time>,
    place: Option<(f64, f64)>,
    valid: bool,
    speed_kmh: Option<f64>,
    course_deg: Option<f64>,
    altitude_m: Option<f64>,
    alarms: AlarmSet,
    backfill: bool,
    attributes: Attributes,
}

impl Record {
    /// Takes note of a key; answers whether it was not there before.
    fn is_new(&mut self, key: u8) -> bool {
        let bit = 1 << (key % 64);
        let Some(word) = self.keys.get_mut(usize::from(key / 64)) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn put(self, context: &Context<'_>, at: usize, out: &mut Out<'_>) {
        let Some((latitude, longitude)) = self.place else {
            out.report(self.time, self.alarms, self.attributes);
            return;
        };
        let time = self.time.unwrap_or(context.received_at);
        let Some(mut fix) = Fix::new(time, latitude, longitude) else {
            out.reject(Reject::at(at, Reason::OutOfRange));
            return;
        };
        fix.valid = self.valid;
        fix.speed_kmh = self.speed_kmh;
        fix.course_deg = self.course_deg;
        fix.altitude_m = self.altitude_m;
        fix.alarms = self.alarms;
        fix.backfill = self.backfill;
        out.fix(fix, self.attributes);
    }
}

pub(super) fn records(
    context: &Context<'_>,
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
) -> Result<(), Reject> {
    let mut record = Record::default();
    let mut begun_at = reader.offset();
    while let Some((key, mut value)) = entry(reader)? {
        if !record.is_new(key) {
            std::mem::take(&mut record).put(context, begun_at, out);
            begun_at = value.offset();
            record.is_new(key);
        }
        if key == 0x01 {
            identify(&value, out)?;
        } else {
            read(key, &mut value, &mut record)?;
        }
    }
    record.put(context, begun_at, out);
    Ok(())
}

fn place(value: &mut Reader<'_>) -> Result<Option<(f64, f64)>, Reject> {
    let latitude = f64::from(value.le_i32()?) / 1e7;
    let longitude = f64::from(value.le_i32()?) / 1e7;
    Ok(Some((latitude, longitude)))
}

fn read(key: u8, value: &mut Reader<'_>, record: &mut Record) -> Result<(), Reject> {
    let attributes = &mut record.attributes;
    match key {
        0x02 => {
            let bits = value.le_u32()?;
            record.alarms = alarms(bits);
            attributes.set("event", bits);
            if record.time.is_none() && value.remaining() >= 4 {
                record.time = time(value.le_u32()?);
            }
        }
        0x14 => {
            attributes.set("battery_percent", value.u8()?);
            attributes.set("battery_v", f64::from(value.le_u16()?) / 1000.0);
        }
        0x20 => {
            record.place = place(value)?;
            record.speed_kmh = Some(f64::from(value.le_u16()?));
            let course = f64::from(value.le_u16()?);
            record.course_deg = Some(course).filter(|course| *course <= 360.0);
            record.altitude_m = Some(f64::from(value.le_i16()?));
            let hdop = value.le_u16()?;
            record.valid = hdop > 0;
            attributes.set("hdop", f64::from(hdop) / 10.0);
            attributes.set("odometer_m", value.le_u32()?);
            attributes.set("satellites", value.u8()?);
        }
        0x21 => {
            attributes.set("mcc", value.le_u16()?);
            attributes.set("mnc", value.u8()?);
            // The first of the cells is the one in use.
            if value.remaining() >= 5 {
                value.skip(1)?;
                attributes.set("lac", value.le_u16()?);
                attributes.set("cell_id", value.le_u16()?);
            }
        }
        0x23 => {
            beacon(value, attributes)?;
            record.place = place(value)?;
            record.valid = true;
        }
        0x24 => {
            record.time = time(value.le_u32()?);
            let status = value.le_u32()?;
            let [_, _, third, percent] = status.to_le_bytes();
            attributes.set("motion", status & (1 << 9) != 0);
            attributes.set("charging", status & (1 << 4) != 0);
            attributes.set("rssi", third >> 3);
            attributes.set_some("battery_percent", (percent <= 100).then_some(percent));
            record.backfill = status & (1 << 7) != 0;
        }
        0x28 | 0x2a => {
            let flags = value.u8()?;
            beacon(value, attributes)?;
            value.skip(if key == 0x28 { 2 } else { 1 })?;
            if flags & 0x80 != 0 {
                record.place = place(value)?;
                record.valid = true;
            }
        }
        0x30 => {
            value.skip(4)?;
            attributes.set("steps", value.le_u32()?);
        }
        0x40 => {
            value.skip(4)?;
            let rate = value.u8()?;
            attributes.set_some("heart_rate", (rate > 1).then_some(rate));
        }
        _ => {}
    }
    Ok(())
}

fn time(seconds: u32) -> Option<Time> {
    (seconds > 0).then(|| Time::from_seconds(i64::from(seconds)))
}

/// A beacon's address, its lowest byte first.
fn beacon(value: &mut Reader<'_>, attributes: &mut Attributes) -> Result<(), Reject> {
    let mut address: [u8; 6] = value.array()?;
    address.reverse();
    attributes.set("beacon", text::hex(&address));
    Ok(())
}

fn alarms(bits: u32) -> AlarmSet {
    static ALARMS: &[(u8, Alarm)] = &[
        (0, Alarm::LowBattery),
        (1, Alarm::Overspeed),
        (2, Alarm::Fall),
        (4, Alarm::Geofence),
        (5, Alarm::Geofence),
        (6, Alarm::Geofence),
        (7, Alarm::Geofence),
        (8, Alarm::PowerOff),
        (9, Alarm::PowerOn),
        (10, Alarm::Movement),
        (12, Alarm::Sos),
    ];
    ALARMS.iter().filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, alarm)| *alarm).collect()
}
