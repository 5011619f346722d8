//! `certvouch staple`: keeps staples fresh where servers read them, and looks at what servers send.

mod doctor;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::doctor::DoctorArgs;
use super::{fail, json, refuse, say};
use crate::clock::Clock;
use crate::config::Log;
use crate::exit::ExitCode;
use crate::staple::Agent;
use crate::staple::config::StapleConfig;
use crate::staple::report::{self, Report};

/// Flags of `certvouch staple`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct StapleArgs {
    #[command(subcommand)]
    command: StapleCommand,
}

const EXAMPLES: &str = "\
Examples:
  certvouch staple run --config staple.toml
  certvouch staple status --config staple.toml
  certvouch staple doctor www.example.org:443

A staple.toml for nginx, whose server block has `include /etc/nginx/staples/www*.conf;`:
  state = \"/var/lib/certvouch/staples\"
  [[target]]
  name = \"www\"
  certificate = \"/etc/ssl/www.pem\"
  confirm = \"127.0.0.1:443\"
  [target.deliver]
  kind = \"nginx\"
  file = \"/etc/nginx/staples/www.der\"
  include = \"/etc/nginx/staples/www.conf\"
  reload = [\"nginx\", \"-s\", \"reload\"]

Exit codes: 0 done, or stopped in good order; 1 failed, or a target of `once` or `status` is not as it has to be, or `doctor` found something; 2 refused to start.";

#[derive(Clone, Debug, Subcommand)]
enum StapleCommand {
    /// Keep every target's staple fresh until told to stop
    Run(ConfigFlag),
    /// Fetch what is due, deliver it, and end (for cron)
    Once(ConfigFlag),
    /// Show what is known about every target
    Status(StatusArgs),
    /// Look at a server: what it staples, whether clients would accept it, and what to change
    Doctor(Box<DoctorArgs>),
}

#[derive(Clone, Debug, Args)]
struct ConfigFlag {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "staple.toml")]
    config: PathBuf,
}

#[derive(Clone, Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object for machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StapleArgs) -> ExitCode {
    match &args.command {
        StapleCommand::Run(flag) => with_agent(flag, Work::Run),
        StapleCommand::Once(flag) => with_agent(flag, Work::Once),
        StapleCommand::Status(args) => status(args),
        StapleCommand::Doctor(args) => doctor::run(args),
    }
}

#[derive(Clone, Copy)]
enum Work {
    Run,
    Once,
}

fn with_agent(flag: &ConfigFlag, work: Work) -> ExitCode {
    let config = match StapleConfig::from_file(&flag.config) {
        Ok(config) => config,
        Err(why) => return refuse(&Log::default(), &why),
    };
    let log = config.log.clone();
    if let Err(why) = crate::log::start(&log) {
        return refuse(&log, &format_args!("log.level: {why}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(why) => return fail(&why),
    };
    runtime.block_on(async {
        let agent = Agent::new(config, &flag.config, Clock::system());
        let mut agent = match agent {
            Ok(agent) => agent,
            Err(why) => return refuse(&log, &format_args!("{why:#}")),
        };
        match work {
            Work::Run => {
                let said = agent.address().map_or_else(
                    || "running\n".to_owned(),
                    |address| format!("listening on http://{address}\n"),
                );
                // A closed standard output is nobody's failure.
                let started = || {
                    let _ = say(&said);
                };
                match agent.run(started).await {
                    Ok(()) => ExitCode::Success,
                    Err(why) => fail(&format_args!("{why:#}")),
                }
            }
            Work::Once if agent.once().await => ExitCode::Success,
            Work::Once => {
                let _ = say(&agent.report().table(Clock::system().now()));
                ExitCode::Failure
            }
        }
    })
}

fn status(args: &StatusArgs) -> ExitCode {
    let config = match StapleConfig::from_file(&args.config.config) {
        Ok(config) => config,
        Err(why) => return refuse(&Log::default(), &why),
    };
    let path = report::path(&config.state, &args.config.config);
    let shown = crate::escape::escape_path(&path).to_string();
    let report = match Report::load(&path) {
        Ok(report) => report,
        Err(why) if why.kind() == std::io::ErrorKind::InvalidData => {
            return fail(&format_args!("{shown}: {why}"));
        }
        Err(why) => {
            return fail(&format_args!(
                "{shown}: {why}; did `certvouch staple run` or `once` ever run with this configuration?"
            ));
        }
    };
    let text = if args.json {
        json::line(&report)
    } else {
        Ok(report.table(Clock::system().now()))
    };
    match text.map(|text| say(&text)) {
        Ok(ExitCode::Success) if report.is_healthy() => ExitCode::Success,
        Ok(_) => ExitCode::Failure,
        Err(why) => fail(&why),
    }
}
