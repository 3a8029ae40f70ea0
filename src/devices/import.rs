//! Enrolling a fleet from CSV.

use interdict_engine::Vehicle;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::change::Plan;
use super::{Change, Core, Enrol, Registry};
use crate::audit::{Act, By, acts};
use crate::config::{BadLine, device_key, read_fleet};
use crate::store::StoreError;

/// Bad lines named one by one; the rest are counted.
const NAMED: usize = 1_000;

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DevicesImport)]
pub struct Report {
    /// Whether anything was carried out: nothing is where a line is bad, unless bad lines were to
    /// be skipped.
    pub done: bool,
    /// Devices that were not enrolled before.
    pub added: usize,
    /// Devices of which something is different now.
    pub changed: usize,
    /// Devices that were enrolled just so.
    pub unchanged: usize,
    /// How many lines are bad.
    pub bad: usize,
    /// The first of them.
    pub bad_lines: Vec<BadLine>,
}

impl Registry {
    /// Enrols the devices of a CSV with the header `device,vehicle,plate,class,unit`, in any order
    /// and with further columns `make`, `colour`, `model`, `datum`, `token`; all but the first two
    /// may be missing. Where a line is bad nothing is done, unless `skip_bad`. Durable when it
    /// returns; blocks on the disk; noted in the audit log as done by `by`. Answers the vehicles
    /// concerned too: tell the engine.
    ///
    /// # Errors
    /// What the store says; then nothing has changed.
    pub fn import_csv(
        &self,
        text: &str,
        skip_bad: bool,
        by: &By,
    ) -> Result<(Report, Vec<Vehicle>), StoreError> {
        let (lines, bad) = read_fleet(text);
        let mut report = Report { bad: bad.len(), ..Report::default() };
        report.bad_lines.extend(bad.into_iter().take(NAMED));
        let core = &self.0.core;
        let _changing = core.changing();
        let plan = core.plan(&lines);
        for change in &plan.devices {
            *match change {
                Change::Added => &mut report.added,
                Change::Changed => &mut report.changed,
                Change::Unchanged => &mut report.unchanged,
            } += 1;
        }
        report.done = report.bad == 0 || (skip_bad && !lines.is_empty());
        if !report.done {
            return Ok((report, Vec::new()));
        }
        let acts = core.imported(&plan, &lines, by);
        let acts: Vec<Act> = acts.into_iter().map(|act| act.of(text.as_bytes())).collect();
        core.carry_out(&plan, &lines, &acts)?;
        Ok((report, plan.vehicles()))
    }

    /// Enrols the fleet that the configuration names. Durable when it returns; blocks on the disk.
    ///
    /// # Errors
    /// What the store says; then nothing has changed.
    pub fn enrol_fleet(&self, fleet: &[Enrol]) -> Result<(), StoreError> {
        let core = &self.0.core;
        let _changing = core.changing();
        let plan = core.plan(fleet);
        if plan.devices.iter().any(|change| *change != Change::Unchanged) {
            let by = By::named("configuration");
            core.carry_out(&plan, fleet, &core.imported(&plan, fleet, &by))?;
        }
        Ok(())
    }
}

impl Core {
    /// What is noted of an import: every device that it changes.
    fn imported(&self, plan: &Plan, lines: &[Enrol], by: &By) -> Vec<Act> {
        let changes = lines.iter().zip(&plan.devices);
        let changed = changes.filter(|(_, change)| **change != Change::Unchanged);
        let devices: Vec<&str> = changed.map(|(line, _)| device_key(&line.device)).collect();
        if devices.is_empty() {
            return Vec::new();
        }
        Act::new(self.clock.now(), acts::DEVICE_IMPORT, by).naming("devices", devices)
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::Class;

    use super::super::testing::{by, options, registry};
    use super::*;

    fn import(devices: &Registry, text: &str, skip_bad: bool) -> Report {
        devices.import_csv(text, skip_bad, &by()).unwrap().0
    }

    #[test]
    fn a_fleet_is_enrolled_and_a_second_time_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let text = "\u{feff}device,vehicle,plate,class,unit\r\n\
                    13800000001,taxi-1,辽B·T0001,taxi,dalian-taxi\r\n\
                    13800000002,van-1,辽B·A0001,Armoured,\r\n";
        let report = import(&devices, text, false);
        assert_eq!((report.done, report.added, report.bad), (true, 2, 0));
        let found = devices.find(&"13800000002".into()).unwrap();
        assert_eq!((found.vehicle.class, &found.vehicle.unit), (Class::Armoured, &None));
        let (again, vehicles) = devices.import_csv(text, false, &by()).unwrap();
        assert_eq!(
            vehicles.iter().map(|vehicle| vehicle.id.as_str()).collect::<Vec<_>>(),
            ["taxi-1", "van-1"]
        );
        assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 2));
        let swapped = "vehicle,device,model\ntaxi-1,13800000002,G19\n";
        assert_eq!(import(&devices, swapped, false).changed, 1);
        let found = devices.find(&"13800000002".into()).unwrap();
        assert_eq!(
            (found.vehicle.plate.as_deref(), found.model.as_deref()),
            (Some("辽B·T0001"), Some("G19"))
        );
    }

    #[test]
    fn bad_lines_are_named_and_nothing_is_half_done() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        let text = "device,vehicle,plate,class,unit\n\
                    1,v1,P1,taxi,u\n\
                    ,v2,P2,taxi,u\n\
                    3,v3,P3,tank,u\n\
                    4,v4\n\
                    01,v5,P5,taxi,u\n\
                    6,v1,P6,taxi,u\n\
                    7,v1,P1,,\n";
        let report = import(&devices, text, false);
        assert_eq!((report.done, report.bad), (false, 5));
        let lines: Vec<_> =
            report.bad_lines.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
        assert_eq!(
            lines,
            [
                (3, "`device` is empty"),
                (4, "class `tank` is not armoured, taxi, corporate, patrol or other"),
                (5, "2 fields where the header has 5"),
                (6, "device `01` is on line 2 already"),
                (7, "vehicle `v1` is another one on line 2"),
            ]
        );
        assert!(devices.list().is_empty());
        let report = import(&devices, text, true);
        assert_eq!((report.done, report.added, report.bad), (true, 2, 5));
        assert_eq!(devices.list().len(), 2);
    }

    #[test]
    fn a_header_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let devices = registry(folder.path(), options());
        for text in ["", "1,v1\n", "device,plate\n1,P\n", "device,vehicle,device\n1,v,2\n"] {
            let report = import(&devices, text, true);
            assert_eq!(
                (report.done, report.bad, report.bad_lines[0].line),
                (false, 1, 1),
                "{text}"
            );
        }
    }
}
