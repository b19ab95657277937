//! Numpy arrays as columns that the core may read while Python goes on; and kernels for the processor at hand.
//!
//! # Rationale
//! The GIL is released during a call, so nothing stops another thread from writing into the same array. Borrow flags
//! do not help: Python code ignores them. Therefore no reference into an array is ever made; values are copied out one
//! by one by relaxed atomic loads, which the hardware makes plain loads. A concurrent write yields the old or the new
//! value of that element.
//!
//! # Limitations
//! The array is kept alive, but nothing can keep a caller from `resize(..., refcheck=False)` during a call; numpy
//! documents that as unsafe for any holder.
//!
//! # Processors
//! The wheel is built for any x86-64. The loops over scenarios of a cube, those over loans of equal periods, sums
//! over cash flows, and the addition of an asset's charges gain from registers of 256 bits; they are compiled a second
//! time for those, by inlining the same safe code, and taken where the processor has them. Both do the same operations
//! in the same order (nothing is fused), so results are the same bits.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU64, Ordering};

use numpy::{Element, PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::batch::{Kernels, Load};
use crate::debt::lane_kernels::LaneKernels;
use crate::roots::Kernel;

/// An array and where its values are.
pub struct Column<T> {
    start: *const T,
    len: usize,
    _keep: Py<PyArray1<T>>,
}

// SAFETY: the pointer is only read, by atomic loads, and the array it points into lives as long as the column.
unsafe impl<T> Send for Column<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Column<T> {}

impl<T: Element> Column<T> {
    /// Takes a contiguous, aligned array of `len` values of exactly this type; `None` for another type.
    pub fn take(array: &Bound<'_, PyAny>, len: Option<usize>) -> PyResult<Option<Self>> {
        let Ok(array) = array.cast::<PyArray1<T>>() else { return Ok(None) };
        if !array.is_c_contiguous() || !array.data().is_aligned() {
            return Err(PyValueError::new_err("arrays must be contiguous and aligned"));
        }
        if len.is_some_and(|len| len != array.len()) {
            return Err(PyValueError::new_err("columns differ in length"));
        }
        Ok(Some(Self { start: array.data(), len: array.len(), _keep: array.clone().unbind() }))
    }

    pub fn len(&self) -> usize {
        self.len
    }
}

macro_rules! load {
    ($value:ty, $atomic:ty, $from_bits:expr) => {
        impl Load<$value> for Column<$value> {
            #[allow(clippy::redundant_closure_call, reason = "the conversion is a parameter")]
            fn load(&self, start: usize, out: &mut [$value]) {
                if start.checked_add(out.len()).is_none_or(|end| end > self.len) {
                    return;
                }
                // SAFETY: start + out.len() <= len, and the array is alive, aligned and contiguous.
                let done = unsafe { copy_eights(self.start.add(start), out) };
                for (offset, slot) in out.iter_mut().enumerate().skip(done) {
                    // SAFETY: as above, and the atomic has the size and alignment of the value. Nothing is ever
                    // written through it.
                    let bits = unsafe {
                        let at = self.start.add(start).add(offset).cast_mut().cast::<<$atomic as Bits>::Raw>();
                        <$atomic>::from_ptr(at).load(Ordering::Relaxed)
                    };
                    *slot = $from_bits(bits);
                }
            }
        }
    };
}

/// Copies what goes by eights from memory that others may write to meanwhile, says how many those were, and fetches
/// ahead by twice as much as the kernels of cubes judge at a time.
///
/// # Safety
/// `from` points at `out.len()` aligned numbers of a living array, and any bits are such a number.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_eights<T>(from: *const T, out: &mut [T]) -> usize {
    let (eights, _) = out.as_chunks_mut::<8>();
    let count = eights.len();
    if size_of::<T>() != 8 || count == 0 {
        return 0;
    }
    // SAFETY: count times 64 bytes are read, where the caller says, and written, where `out` is. To fetch ahead from
    // where nothing is does nothing. To the compiler this is no access to the array, so it is none that races: what
    // the processor reads of 16 bytes is two aligned numbers, each whole, as relaxed atomic loads are.
    unsafe {
        std::arch::asm!(
            "2:",
            "prefetcht0 [{from} + 2048]",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            "add {from}, 64",
            "add {to}, 64",
            "dec {count}",
            "jnz 2b",
            from = inout(reg) from => _,
            to = inout(reg) eights.as_mut_ptr() => _,
            count = inout(reg) count => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack)
        );
    }
    count.saturating_mul(8)
}

/// Elsewhere nothing is copied by eights.
///
/// # Safety
/// None is needed.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy_eights<T>(_from: *const T, _out: &mut [T]) -> usize {
    0
}

/// The plain type behind an atomic.
trait Bits {
    type Raw;
}

macro_rules! bits {
    ($($atomic:ty => $raw:ty),*) => { $(impl Bits for $atomic { type Raw = $raw; })* };
}

bits!(AtomicU64 => u64, AtomicI64 => i64, AtomicI32 => i32, AtomicI16 => i16, AtomicI8 => i8, AtomicU8 => u8);
load!(f64, AtomicU64, f64::from_bits);
load!(i64, AtomicI64, |value| value);
load!(i32, AtomicI32, |value| value);
load!(i16, AtomicI16, |value| value);
load!(i8, AtomicI8, |value| value);

/// A numpy array of bools as a column of bytes.
pub struct Mask(Column<bool>);

impl Mask {
    pub fn take(array: &Bound<'_, PyAny>, len: usize) -> PyResult<Self> {
        match Column::take(array, Some(len))? {
            Some(column) => Ok(Self(column)),
            None => Err(PyValueError::new_err("masks must be arrays of bool")),
        }
    }
}

impl Load<u8> for Mask {
    fn load(&self, start: usize, out: &mut [u8]) {
        if start.checked_add(out.len()).is_none_or(|end| end > self.0.len) {
            return;
        }
        for (offset, slot) in out.iter_mut().enumerate() {
            // SAFETY: as for columns of numbers. Bytes are read, so that an invalid bool does no harm.
            *slot = unsafe {
                AtomicU8::from_ptr(self.0.start.add(start).add(offset).cast_mut().cast()).load(Ordering::Relaxed)
            };
        }
    }
}

/// Compiles functions a second time, for registers of 256 bits.
#[cfg(target_arch = "x86_64")]
macro_rules! wide {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $out:ty)? = $body:expr;)*) => {
        $(
            #[target_feature(enable = "avx2")]
            fn $name($($argument: $type),*) $(-> $out)? {
                $body
            }
        )*
    };
}

/// The kernels of cubes that suit this processor.
#[cfg(target_arch = "x86_64")]
pub fn cube_kernels() -> Kernels {
    use crate::covenant::{CubeResult, CubeTest, Exact, Lanes, LoadMajor, Scratch};
    use crate::money::MinorUnits;

    wide! {
        take_major(
            lanes: &mut Lanes,
            units: MinorUnits,
            period: usize,
            source: (LoadMajor<'_>, &mut [f64]),
            limit: f64
        ) -> bool = lanes.take_major(units, period, source, limit);
        test_stretch(
            tests: &[CubeTest<'_>],
            block: &[Lanes],
            place: (usize, usize),
            exact: Exact<'_>,
            scratch: &mut Scratch
        ) = crate::covenant::test_stretch(tests, block, place, exact, scratch);
        finish(scratch: &Scratch, tests: &[CubeTest<'_>], lanes: usize, out: &mut [CubeResult<'_>]) =
            scratch.finish(tests, lanes, out);
    }

    if !std::arch::is_x86_feature_detected!("avx2") {
        return Kernels::PORTABLE;
    }
    // SAFETY, of each: the processor has AVX2, as was just seen.
    Kernels {
        take_major: |lanes, units, period, source, limit| unsafe { take_major(lanes, units, period, source, limit) },
        test_stretch: |tests, block, place, exact, scratch| unsafe {
            test_stretch(tests, block, place, exact, scratch);
        },
        finish: |scratch, tests, lanes, out| unsafe { finish(scratch, tests, lanes, out) },
    }
}

/// The kernels of loans that suit this processor.
#[cfg(target_arch = "x86_64")]
pub fn lane_kernels() -> LaneKernels {
    use crate::calendar::Month;
    use crate::debt::dues::{self, LevelColumns, LevelLoan, LevelTerms, Monthly};
    use crate::debt::lane_kernels as lanes;
    use crate::debt::lanes::{self as eight, EqualLoan, LaneRow, WIDTH};
    use crate::debt::moments::{self, Bands, Cell};

    wide! {
        rows(loans: &[EqualLoan], out: &mut [LaneRow]) = lanes::rows::<true>(loans, out);
        unrounded_rows(loans: &[EqualLoan], out: &mut [LaneRow]) = lanes::rows::<false>(loans, out);
        floating_rows(loans: &[EqualLoan], rates: &[[i64; WIDTH]], out: &mut [LaneRow]) =
            lanes::floating_rows::<true>(loans, rates, out);
        unrounded_floating_rows(loans: &[EqualLoan], rates: &[[i64; WIDTH]], out: &mut [LaneRow]) =
            lanes::floating_rows::<false>(loans, rates, out);
        add_sums(loans: &[EqualLoan], out: &mut [LaneRow]) = eight::add_sums(loans, out);
        begin_monthly(loans: Monthly<'_>, begins: &mut [Month], factors: &mut [f64]) =
            dues::begin_monthly(loans, begins, factors);
        level_loans(terms: &[LevelTerms], out: &mut Vec<LevelLoan>) = dues::level_loans(terms, out);
        add_dues(loans: &[LevelLoan], sums: &mut [f64]) = dues::add_dues(loans, sums);
        add_moments(loans: LevelColumns<'_>, places: &[u32], bands: &Bands, cells: &mut [Cell]) =
            moments::add_moments(loans, places, bands, cells);
        add_payments(bands: &Bands, band: usize, cells: &[Cell], dues: &mut [f64], paid: &mut [f64]) -> f64 =
            moments::add_payments(bands, band, cells, dues, paid);
    }

    if !std::arch::is_x86_feature_detected!("avx2") {
        return LaneKernels::PORTABLE;
    }
    // SAFETY, of each: the processor has AVX2, as was just seen.
    LaneKernels {
        rows: |loans, out| unsafe { rows(loans, out) },
        unrounded_rows: |loans, out| unsafe { unrounded_rows(loans, out) },
        floating_rows: |loans, rates, out| unsafe { floating_rows(loans, rates, out) },
        unrounded_floating_rows: |loans, rates, out| unsafe { unrounded_floating_rows(loans, rates, out) },
        add_sums: |loans, out| unsafe { add_sums(loans, out) },
        begin_monthly: |loans, begins, factors| unsafe { begin_monthly(loans, begins, factors) },
        level_loans: |terms, out| unsafe { level_loans(terms, out) },
        add_dues: |loans, sums| unsafe { add_dues(loans, sums) },
        add_moments: |loans, places, bands, cells| unsafe { add_moments(loans, places, bands, cells) },
        add_payments: |bands, band, cells, dues, paid| unsafe { add_payments(bands, band, cells, dues, paid) },
    }
}

/// The sums over flows that suit this processor.
#[cfg(target_arch = "x86_64")]
pub fn moment_kernel() -> Kernel {
    use crate::roots::{self, ORDERS, PLAIN_ORDERS, Survey};

    wide! {
        moments(amounts: &[f64], times: &[f64], u: f64, pivot: f64) -> [f64; ORDERS] =
            roots::moments(amounts, times, u, pivot);
        plain_moments(amounts: &[f64], times: &[f64]) -> [f64; PLAIN_ORDERS] = roots::plain_moments(amounts, times);
        survey(amounts: &[f64], times: &[f64]) -> Survey = roots::survey(amounts, times);
        years(days: &[i32], years: &mut [f64]) = roots::years_of_365_days(days, years);
        days(ticks: &[i64], per_day: i64, days: &mut [i32]) -> bool = crate::batch::days_of_ticks(ticks, per_day, days);
    }

    if !std::arch::is_x86_feature_detected!("avx2") {
        return Kernel::default();
    }
    // SAFETY, of each: the processor has AVX2, as was just seen.
    Kernel {
        moments: |amounts, times, u, pivot| unsafe { moments(amounts, times, u, pivot) },
        plain_moments: |amounts, times| unsafe { plain_moments(amounts, times) },
        survey: |amounts, times| unsafe { survey(amounts, times) },
        years: |days, out| unsafe { years(days, out) },
        days: |ticks, per_day, out| unsafe { days(ticks, per_day, out) },
    }
}

/// The sums over flows.
#[cfg(not(target_arch = "x86_64"))]
pub fn moment_kernel() -> Kernel {
    Kernel::default()
}

/// The kernels of cubes.
#[cfg(not(target_arch = "x86_64"))]
pub fn cube_kernels() -> Kernels {
    Kernels::PORTABLE
}

/// The kernels of loans.
#[cfg(not(target_arch = "x86_64"))]
pub fn lane_kernels() -> LaneKernels {
    LaneKernels::PORTABLE
}
