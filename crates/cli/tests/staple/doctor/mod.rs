//! `certvouch staple doctor`: nginx staples what it is given, right or wrong, and the doctor has to say which; servers of the
//! test send what nginx would not.

mod asking;
mod findings;
mod house;
mod input;
mod sent;
