//! Sentences of NMEA 0183, and u-blox' own position.

use super::T55;
use crate::field::nmea::{course, place, speed};
use crate::field::{Fields, nmea};
use crate::{Attributes, Context, Fix, Out, Reason, Reject, Time};

impl T55 {
    /// The instant of a time of day, and of a date where there is one.
    fn instant(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        time_at: usize,
        date_at: Option<usize>,
    ) -> Result<Time, Reject> {
        let text = fields.text(time_at);
        if text.is_empty() {
            return Ok(context.received_at);
        }
        let of_day =
            nmea::time_of_day_ms(text).ok_or_else(|| fields.reject(time_at, Reason::OutOfRange))?;
        let date_at = date_at.filter(|index| !fields.text(*index).is_empty());
        let Some(date_at) = date_at else {
            return Ok(nmea::nearest(of_day, self.dated.unwrap_or(context.received_at)));
        };
        let midnight = nmea::date(fields.text(date_at))
            .ok_or_else(|| fields.reject(date_at, Reason::OutOfRange))?;
        let time = midnight.plus_millis(of_day);
        self.dated = Some(time);
        Ok(time)
    }

    /// time, status, latitude, N, longitude, E, knots, course, date, variation, E, mode
    pub(super) fn rmc(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        after: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let place = place(fields, 3)?;
        let time = self.instant(context, fields, 1, Some(9))?;
        let mut attributes = Attributes::new();
        self.behind_checksum(after, &mut attributes, out)?;
        let Some((latitude, longitude)) = place else { return Ok(()) };
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
        fix.valid = fields.text(2) == "A";
        fix.speed_kmh = speed(fields, 7);
        fix.course_deg = course(fields, 8);
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// time, latitude, N, longitude, E, quality, satellites, HDOP, altitude, M
    pub(super) fn gga(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some((latitude, longitude)) = place(fields, 2)? else { return Ok(()) };
        let time = self.instant(context, fields, 1, None)?;
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
        fix.valid = !matches!(fields.text(6), "" | "0");
        fix.altitude_m = fields.number(9);
        let mut attributes = Attributes::new();
        attributes.set_some("satellites", fields.parse::<u8>(7));
        attributes.set_some("hdop", fields.number(8));
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// latitude, N, longitude, E, time, status
    pub(super) fn gll(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some((latitude, longitude)) = place(fields, 1)? else { return Ok(()) };
        let time = self.instant(context, fields, 5, None)?;
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(1, Reason::OutOfRange))?;
        fix.valid = fields.text(6) == "A";
        self.fix(fix, Attributes::new(), out);
        Ok(())
    }

    /// status, latitude, N, longitude, E, two differences of time, knots, course
    pub(super) fn rma(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some((latitude, longitude)) = place(fields, 2)? else { return Ok(()) };
        let mut fix = Fix::new(context.received_at, latitude, longitude)
            .ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
        fix.valid = fields.text(1) == "A";
        fix.speed_kmh = speed(fields, 8);
        fix.course_deg = course(fields, 9);
        self.fix(fix, Attributes::new(), out);
        Ok(())
    }

    /// time, day, month, year
    pub(super) fn zda(&mut self, fields: &Fields<'_>) -> Result<(), Reject> {
        let of_day = nmea::time_of_day_ms(fields.text(1));
        let (day, month, year) = (fields.parse(2), fields.parse(3), fields.parse(4));
        let (Some(of_day), Some(day), Some(month), Some(year)) = (of_day, day, month, year) else {
            return Ok(());
        };
        let midnight = Time::from_civil((year, month, day), (0, 0, 0), 0)
            .ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
        self.dated = Some(midnight.plus_millis(of_day));
        Ok(())
    }

    /// 00, time, latitude, N, longitude, E, altitude, status, accuracy (two), km/h, course,
    /// vertical speed, age, HDOP, VDOP, TDOP, satellites, reserved, dead reckoning
    pub(super) fn ublox(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        if fields.text(19).len() > 1 {
            self.identify(fields.text(19), fields.offset(19), out)?;
        }
        let Some((latitude, longitude)) = place(fields, 3)? else { return Ok(()) };
        let time = self.instant(context, fields, 2, None)?;
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
        fix.valid = !matches!(fields.text(8), "NF" | "DR" | "");
        fix.altitude_m = fields.number(7);
        fix.speed_kmh = fields.number(11).filter(|speed| *speed >= 0.0);
        fix.course_deg = course(fields, 12);
        let mut attributes = Attributes::new();
        attributes.set_some("hdop", fields.number(15));
        attributes.set_some("vdop", fields.number(16));
        attributes.set_some("satellites", fields.parse::<u8>(18));
        self.fix(fix, attributes, out);
        Ok(())
    }
}
