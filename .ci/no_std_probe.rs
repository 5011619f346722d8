//! Takes the verifier into something that has no standard library: were `std` below it, the panic handler would be
//! there twice, and this would not compile.

#![no_std]

extern crate certvouch_verify;

use core::panic::PanicInfo;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
