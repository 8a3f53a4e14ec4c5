//! Room and speed of the disks that the suite writes to.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Checked;
use super::finding::{Complaint, Finding};
use super::site::Site;

/// Less room than this stops a writer, MiB.
const FREE_MIN_MIB: u64 = 256;
/// The store and the bus are comfortable with this, MiB.
const FREE_USUAL_MIB: u64 = 4_096;
/// A sync that takes longer holds up every decision.
const SYNC_SLOW: Duration = Duration::from_millis(50);
const SYNCS: usize = 5;

pub(super) async fn check(site: &Site) -> Checked {
    let data = site.settings().data_dir.clone();
    let spool = site.gateway.spool.folder(&data);
    let store = site.recorder.store(&data).ok().and_then(|url| Some(url.path()?.parent()?.to_owned()));
    let mut places = vec![("data", data, FREE_USUAL_MIB), ("spool", spool, site.gateway.spool.mib_max)];
    let apart = store.filter(|folder| *folder != places[0].1);
    places.extend(apart.map(|folder| ("store", folder, FREE_USUAL_MIB)));
    let looked = tokio::task::spawn_blocking(move || {
        let seen: Vec<_> = places.iter().map(|(name, folder, wanted)| look(name, folder, *wanted)).collect();
        let (details, complaints): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
        Finding::new("disk", details.join("; "), complaints.into_iter().flatten().collect())
    });
    let failed = |error: tokio::task::JoinError| Finding::fail("disk", error.to_string(), "report this");
    looked.await.unwrap_or_else(failed).into()
}

fn look(name: &str, folder: &Path, wanted_mib: u64) -> (String, Vec<Complaint>) {
    let there = existing(folder);
    let mut complaints = Vec::new();
    let free = match free_mib(&there) {
        Ok(free) => free,
        Err(error) => {
            let detail = format!("{name}: {}: {error}", there.display());
            return (String::new(), vec![Complaint::fail(detail, "let this user read the folder")]);
        }
    };
    let room = format!("{name} {}: {free} MiB free", folder.display());
    let fix = format!("make room on the disk of {}", there.display());
    if free < FREE_MIN_MIB {
        complaints.push(Complaint::fail(format!("{name}: only {free} MiB free"), fix));
    } else if free < wanted_mib {
        complaints.push(Complaint::warn(format!("{name}: {free} MiB free, {wanted_mib} are wanted"), fix));
    }
    if there != folder {
        return (format!("{room}, made at the first start"), complaints);
    }
    match sync_time(&there) {
        Ok(took) => {
            if took > SYNC_SLOW {
                let detail = format!("{name}: a sync takes {} ms", took.as_millis());
                complaints.push(Complaint::warn(detail, "use a faster disk: every decision waits for a sync"));
            }
            (format!("{room}, sync {:.1} ms", took.as_secs_f64() * 1e3), complaints)
        }
        Err(error) => {
            let detail = format!("{name}: {} cannot be written: {error}", there.display());
            complaints.push(Complaint::fail(detail, "let this user write the folder, or mount it for writing"));
            (room, complaints)
        }
    }
}

/// `folder`, or what of it is there.
fn existing(folder: &Path) -> PathBuf {
    let there = folder.ancestors().find(|path| path.is_dir());
    there.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn free_mib(folder: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize)) >> 20)
}

/// The median of some writes of a page, each synced; the file is gone afterwards.
fn sync_time(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".fin-doctor-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let mut once = || {
        let begun = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        io::Result::Ok(begun.elapsed())
    };
    let times: io::Result<Vec<_>> = (0..SYNCS).map(|_| once()).collect();
    std::fs::remove_file(&path)?;
    let mut times = times?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn room_and_speed_are_measured_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (detail, complaints) = look("spool", folder.path(), 1);
        assert!(detail.contains("MiB free, sync ") && complaints.iter().all(|c| c.status == Status::Warn), "{detail}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let (detail, _) = look("store", &folder.path().join("later/store"), 1);
        assert!(detail.contains("made at the first start"), "{detail}");
        let (_, complaints) = look("spool", folder.path(), u64::MAX);
        assert!(complaints.iter().any(|c| c.detail.contains("are wanted")), "{complaints:?}");
    }
}
