//! Where the `fin up` on the same data folder has its bus, its simulated vendors and its files.

use std::net::SocketAddr;
use std::path::Path;

use bus::BusConfig;
use chassis::{Profile, Settings, Sources};

use crate::connection::{BUS_ADDRESS, SIM_ADDRESS, SUITE_FOLDER, announced};
use crate::up::point_at_simulator;

/// A `fin up` on the same data folder has chosen the addresses and folder by itself.
pub(crate) fn at_running_suite(sources: Sources, settings: &Settings, bus: Option<&str>) -> Sources {
    let said = |name| announced(&settings.data_dir, name);
    let folder = said(SUITE_FOLDER).filter(|folder| is_of(settings.profile, Path::new(folder)));
    let Some(folder) = folder else { return given(sources, bus.map(str::to_owned)) };
    let sim: Option<SocketAddr> = said(SIM_ADDRESS).and_then(|address| address.parse().ok());
    let sources = match sim.filter(|_| settings.profile == Profile::Dev) {
        Some(sim) => point_at_simulator(sources, sim),
        None => sources,
    };
    let own = || said(BUS_ADDRESS).filter(|_| settings.bus.url == BusConfig::default().url);
    given(sources.set("data_dir", folder), bus.map(str::to_owned).or_else(own))
}

fn given(sources: Sources, bus: Option<String>) -> Sources {
    match bus {
        Some(url) => sources.set("bus.url", url),
        None => sources,
    }
}

/// True when a suite of `profile` keeps its files in `folder`.
fn is_of(profile: Profile, folder: &Path) -> bool {
    let named = |profile: Profile| folder.file_name().is_some_and(|name| name == profile.as_str());
    match profile {
        Profile::Dev => !named(Profile::Paper) && !named(Profile::Prod),
        Profile::Paper | Profile::Prod => named(profile),
    }
}
