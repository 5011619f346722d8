//! The program: reads the command line, runs one command, ends with its exit code.

fn main() -> std::process::ExitCode {
    certvouch::command::main().into()
}
