//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::PossibleValuesParser};

use crate::arch::Arch;
use crate::setup::kernel::{Asked, Version};
use crate::test;

/// Sets up, builds, runs and tests sigtrace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Install and cache everything that building, running and testing need
    Setup(Setup),
    /// Build sigtrace as one static binary
    Build(Build),
    /// Build sigtrace and run it: on this host if it can trace, otherwise in a virtual machine
    Run(Run),
    /// Check and test everything, including in guests with several kernels
    Test(Test),
    /// Feed random records to the decoder and both formats
    Fuzz(Fuzz),
    /// Measure what tracing costs, in guests that count instructions
    Bench(Bench),
    /// Run one command in a virtual machine
    Vm(Vm),
    /// Make the Debian root image that some guests start from
    Image(Image),
}

/// Options of `setup`.
#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// For all guests of this architecture [default: those that `test` boots]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
}

/// Options of `build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The architecture to build for [default: this machine's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) target: Option<Arch>,
    /// Optimised
    #[arg(long)]
    pub(crate) release: bool,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Run on this host, even if it seems unable to trace
    #[arg(long, conflicts_with_all = ["vm", "kernel", "arch"])]
    pub(crate) host: bool,
    /// Run in a virtual machine, even if this host can trace
    #[arg(long)]
    pub(crate) vm: bool,
    /// The virtual machine's architecture [default: this machine's]; implies --vm
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// The virtual machine's kernel: 5.10, 6.1, 6.12, 7 or newest [default: 6.12]; implies --vm
    #[arg(long, value_name = "VERSION")]
    pub(crate) kernel: Option<Version>,
    /// Optimised
    #[arg(long)]
    pub(crate) release: bool,
    /// Show the virtual machine's console on stderr
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Passed on to sigtrace
    #[arg(last = true, value_name = "SIGTRACE-ARGS")]
    pub(crate) args: Vec<String>,
}

/// Options of `test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Guests of this architecture only, all that there are, without the host's part
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// Guest kernels, instead of 5.10, 6.1, 6.12 and 7 (aarch64: 6.1, 6.12 and 7); `all` are all that Debian has
    #[arg(long, value_name = "VERSION,...", value_delimiter = ',')]
    pub(crate) kernel: Vec<Asked>,
    /// Only what needs no virtual machine
    #[arg(long, conflicts_with_all = ["kernel", "arch"])]
    pub(crate) host_only: bool,
    /// Only these guest suites, without the host's part
    #[arg(long, value_name = "SUITE,...", value_delimiter = ',', conflicts_with = "host_only")]
    #[arg(value_parser = PossibleValuesParser::new(test::suites()))]
    pub(crate) suite: Vec<String>,
    /// How the guests of --suite boot otherwise.
    #[command(flatten)]
    pub(crate) boot: Boot,
    /// Only tests whose name contains this
    #[arg(last = true, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
}

/// How guests boot otherwise than a suite has it: as machines and kernels of another build.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Boot {
    /// With --suite: so many processors
    #[arg(long, value_name = "N", requires = "suite")]
    pub(crate) smp: Option<u32>,
    /// With --suite: so much memory, in MB
    #[arg(long, value_name = "MB", requires = "suite")]
    pub(crate) memory: Option<u32>,
    /// With --suite: add this to the kernel's command line, such as "preempt=full threadirqs"
    #[arg(long, value_name = "TEXT", requires = "suite")]
    pub(crate) cmdline: Option<String>,
}

/// Options of `fuzz`.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// How long to run, in seconds, once it is built
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) seconds: u32,
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Of aarch64, what can be counted in instructions without other tracers, beside calls on x86_64
    #[arg(long, default_value = "x86_64")]
    pub(crate) arch: Arch,
    /// Guest kernels: of 5.10, 6.1, 6.12 and 7 (aarch64: 6.1, 6.12 and 7)
    #[arg(long, value_name = "VERSION,...", value_delimiter = ',', default_value = "6.12,7")]
    pub(crate) kernel: Vec<Version>,
    /// Leave docs/performance.md as it is
    #[arg(long)]
    pub(crate) print_only: bool,
    /// Succeed even when a figure misses its bar
    #[arg(long)]
    pub(crate) no_bars: bool,
}

/// Options of `image`.
#[derive(Debug, Args)]
pub(crate) struct Image {
    /// Its architecture [default: this machine's]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
}

/// Options of `vm`.
#[derive(Debug, Args)]
pub(crate) struct Vm {
    /// The architecture [default: this machine's]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// The kernel: 5.10, 6.1, 6.12, 7, newest
    #[arg(long, value_name = "VERSION", default_value = "6.12")]
    pub(crate) kernel: Version,
    /// Processors
    #[arg(long, default_value_t = 2)]
    pub(crate) smp: u32,
    /// Memory in MB
    #[arg(long, value_name = "MB", default_value_t = 1024)]
    pub(crate) memory: u32,
    /// Let guest time count instructions, for measurements; one processor
    #[arg(long)]
    pub(crate) icount: bool,
    /// Add this to the kernel's command line
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) cmdline: String,
    /// Start from the Debian root image
    #[arg(long)]
    pub(crate) root: bool,
    /// Start from the Debian root image, with its systemd as init
    #[arg(long)]
    pub(crate) systemd: bool,
    /// Put a file into the guest, in /payload by default; may be repeated
    #[arg(long, value_name = "HOST[:GUEST]")]
    pub(crate) file: Vec<String>,
    /// Set a variable in the command's environment; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    /// Show the guest's console on stderr
    #[arg(long)]
    pub(crate) verbose: bool,
    /// The command
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

impl Vm {
    /// The files to put into the guest, as (host path, guest path).
    pub(crate) fn files(&self) -> impl Iterator<Item = (PathBuf, String)> {
        self.file.iter().map(|file| match file.split_once(':') {
            Some((host, guest)) => (host.into(), guest.into()),
            None => {
                let host = PathBuf::from(file);
                let name = host.file_name().unwrap_or_default().to_string_lossy();
                let guest = format!("{}/{name}", crate::vm::PAYLOAD);
                (host, guest)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_the_dashes_is_passed_on() {
        let cli = Cli::try_parse_from(["x", "run", "--vm", "--", "--syscall", "kill"]).unwrap();
        let Command::Run(run) = cli.command else { panic!("not run") };
        assert!(run.vm);
        assert_eq!(run.args, ["--syscall", "kill"]);
    }

    #[test]
    fn two_kernels_are_measured_unless_told() {
        let kernels = |args: &[&str]| -> Vec<String> {
            let cli = Cli::try_parse_from([&["x", "bench"], args].concat()).unwrap();
            let Command::Bench(bench) = cli.command else { panic!("not bench") };
            bench.kernel.iter().map(Version::to_string).collect()
        };
        assert_eq!(kernels(&[]), ["6.12", "7"]);
        assert_eq!(kernels(&["--kernel", "5.10,6.1"]), ["5.10", "6.1"]);
        assert_eq!(kernels(&["--arch", "aarch64"]), ["6.12", "7"]);
    }

    #[test]
    fn files_go_to_the_payload_folder_unless_told() {
        let cli = Cli::try_parse_from(["x", "vm", "--file=a/b", "--file=c:/d", "--", "b"]).unwrap();
        let Command::Vm(vm) = cli.command else { panic!("not vm") };
        let files: Vec<_> = vm.files().map(|file| file.1).collect();
        assert_eq!(files, ["/payload/b", "/d"]);
    }
}
