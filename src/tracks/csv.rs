//! CSV: `device,time,latitude,longitude[,speed_kmh,course_deg,altitude_m,valid,alarms]`, header
//! first, columns in any order.

use std::borrow::Cow;
use std::io::BufRead;

use interdict_protocols::{Alarm, AlarmSet, DeviceId, Fix};

use super::{Reading, fix_at, listed};
use crate::text::Columns;

pub(super) fn read(reading: &mut Reading<'_, '_>, source: &mut dyn BufRead) -> Result<(), String> {
    let mut table: Option<Table> = None;
    reading.lines(source, |reading, number, text| {
        match &table {
            None => table = Some(Table::new(text)?),
            Some(table) => match table.row(reading, text) {
                Ok((device, fix)) => reading.fix(device, fix),
                Err(what) => reading.bad(number, &what),
            },
        }
        Ok(())
    })
}

/// Where each field stands.
struct Table {
    columns: Columns,
    device: Option<usize>,
    time: usize,
    latitude: usize,
    longitude: usize,
    speed_kmh: Option<usize>,
    course_deg: Option<usize>,
    altitude_m: Option<usize>,
    valid: Option<usize>,
    alarms: Option<usize>,
}

impl Table {
    fn new(header: &str) -> Result<Self, String> {
        let columns = Columns::from_header(header)?;
        let needed = |names: &[&str]| {
            columns.find(names).ok_or_else(|| {
                format!(
                    "the first line has no column {}; expected the header \
                     device,time,latitude,longitude[,speed_kmh,course_deg]",
                    names.first().unwrap_or(&"")
                )
            })
        };
        Ok(Self {
            device: columns.find(&["device", "vehicle", "id"]),
            time: needed(&["time", "fix_time", "timestamp"])?,
            latitude: needed(&["latitude", "lat"])?,
            longitude: needed(&["longitude", "lon", "lng"])?,
            speed_kmh: columns.find(&["speed_kmh"]),
            course_deg: columns.find(&["course_deg", "course"]),
            altitude_m: columns.find(&["altitude_m"]),
            valid: columns.find(&["valid"]),
            alarms: columns.find(&["alarms"]),
            columns,
        })
    }

    fn row(
        &self,
        reading: &mut Reading<'_, '_>,
        text: &str,
    ) -> Result<(Option<DeviceId>, Fix), String> {
        let fields = self.columns.split(text)?;
        let field = |column: Option<usize>| -> Option<&str> {
            fields.get(column?).map(Cow::as_ref).filter(|text| !text.is_empty())
        };
        let number = |name: &str, column: Option<usize>| -> Result<Option<f64>, String> {
            let Some(text) = field(column) else { return Ok(None) };
            text.parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .map(Some)
                .ok_or_else(|| format!("{name}: found {text:?}, expected a number"))
        };
        let time = reading.time(field(Some(self.time)).ok_or("the time is missing")?)?;
        let latitude = number("latitude", Some(self.latitude))?.ok_or("the latitude is missing")?;
        let longitude =
            number("longitude", Some(self.longitude))?.ok_or("the longitude is missing")?;
        let mut fix = fix_at(time, latitude, longitude)?;
        fix.speed_kmh = number("speed_kmh", self.speed_kmh)?;
        fix.course_deg = number("course_deg", self.course_deg)?;
        fix.altitude_m = number("altitude_m", self.altitude_m)?;
        fix.valid = match field(self.valid) {
            None | Some("true" | "1" | "A") => true,
            Some("false" | "0" | "V") => false,
            Some(other) => return Err(format!("valid: found {other:?}, expected true or false")),
        };
        if self.alarms.is_some() {
            listed(alarms(field(self.alarms).unwrap_or_default())?, &mut fix);
        }
        Ok((field(self.device).map(DeviceId::from), fix))
    }
}

/// Alarms by their names, parted by blanks or semicolons.
fn alarms(text: &str) -> Result<AlarmSet, String> {
    text.split([' ', ';', '|'])
        .filter(|name| !name.is_empty())
        .map(|name| {
            Alarm::from_name(name).ok_or_else(|| format!("there is no alarm named {name:?}"))
        })
        .collect()
}
