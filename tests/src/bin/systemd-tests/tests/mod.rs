//! The tests, by what they are about.

mod arguments;
mod life;
mod limit;
mod mechanisms;
mod sandbox;
mod stop;
mod suspend;
mod unit;

use anyhow::Result;
use libtest_mimic::{Failed, Trial};

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    [
        unit::trials(),
        life::trials(),
        arguments::trials(),
        sandbox::trials(),
        mechanisms::trials(),
        stop::trials(),
        limit::trials(),
        crate::day::trials(),
        suspend::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A test by the name of its function.
macro_rules! trials {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$($crate::tests::trial(stringify!($name), $name)),+]
        }
    };
}
pub(crate) use trials;

pub(crate) fn trial(name: &str, test: fn() -> Result<()>) -> Trial {
    Trial::test(name, move || test().map_err(|error| Failed::from(format!("{error:#}"))))
}
