//! The percentages of the general depreciation system as the IRS prints them.
//!
//! Source: IRS Publication 946, "How To Depreciate Property", Appendix A, tables A-1 (half-year convention) and A-2 to
//! A-5 (mid-quarter convention, placed in service in the first to the fourth quarter); first published in Rev. Proc.
//! 87-57, 1987-2 C.B. 687. Units are those of the last digit printed. Every column sums to exactly 100 %, also the
//! 20-year one of A-2, whose year 21 is printed as 0.565 and makes up for the 7.000 of its year 2 (7.0078 exactly).
#![forbid(unsafe_code)]

/// The yearly percentages of a recovery period in `table` (0 for A-1, 4 for A-5), and how many of their units make 100 %.
pub(super) fn published(recovery_years: i32, table: usize) -> Option<(&'static [i64], i64)> {
    const HUNDREDTHS: i64 = 10_000;
    const THOUSANDTHS: i64 = 100_000;
    let column: (&[i64], i64) = match recovery_years {
        3 => (THREE.get(table)?, HUNDREDTHS),
        5 => (FIVE.get(table)?, HUNDREDTHS),
        7 => (SEVEN.get(table)?, HUNDREDTHS),
        10 => (TEN.get(table)?, HUNDREDTHS),
        15 => (FIFTEEN.get(table)?, HUNDREDTHS),
        20 => (TWENTY.get(table)?, THOUSANDTHS),
        _ => return None,
    };
    Some(column)
}

/// 3-year property, in hundredths of a percent.
#[rustfmt::skip]
const THREE: [[i64; 4]; 5] = [
    [3333, 4445, 1481, 741],
    [5833, 2778, 1235, 154],
    [4167, 3889, 1414, 530],
    [2500, 5000, 1667, 833],
    [833, 6111, 2037, 1019],
];

/// 5-year property, in hundredths of a percent.
#[rustfmt::skip]
const FIVE: [[i64; 6]; 5] = [
    [2000, 3200, 1920, 1152, 1152, 576],
    [3500, 2600, 1560, 1101, 1101, 138],
    [2500, 3000, 1800, 1137, 1137, 426],
    [1500, 3400, 2040, 1224, 1130, 706],
    [500, 3800, 2280, 1368, 1094, 958],
];

/// 7-year property, in hundredths of a percent.
#[rustfmt::skip]
const SEVEN: [[i64; 8]; 5] = [
    [1429, 2449, 1749, 1249, 893, 892, 893, 446],
    [2500, 2143, 1531, 1093, 875, 874, 875, 109],
    [1785, 2347, 1676, 1197, 887, 887, 887, 334],
    [1071, 2551, 1822, 1302, 930, 885, 886, 553],
    [357, 2755, 1968, 1406, 1004, 873, 873, 764],
];

/// 10-year property, in hundredths of a percent.
#[rustfmt::skip]
const TEN: [[i64; 11]; 5] = [
    [1000, 1800, 1440, 1152, 922, 737, 655, 655, 656, 655, 328],
    [1750, 1650, 1320, 1056, 845, 676, 655, 655, 656, 655, 82],
    [1250, 1750, 1400, 1120, 896, 717, 655, 655, 656, 655, 246],
    [750, 1850, 1480, 1184, 947, 758, 655, 655, 656, 655, 410],
    [250, 1950, 1560, 1248, 998, 799, 655, 655, 656, 655, 574],
];

/// 15-year property, in hundredths of a percent.
#[rustfmt::skip]
const FIFTEEN: [[i64; 16]; 5] = [
    [500, 950, 855, 770, 693, 623, 590, 590, 591, 590, 591, 590, 591, 590, 591, 295],
    [875, 913, 821, 739, 665, 599, 590, 591, 590, 591, 590, 591, 590, 591, 590, 74],
    [625, 938, 844, 759, 683, 615, 591, 590, 591, 590, 591, 590, 591, 590, 591, 221],
    [375, 963, 866, 780, 702, 631, 590, 590, 591, 590, 591, 590, 591, 590, 591, 369],
    [125, 988, 889, 800, 720, 648, 590, 590, 590, 591, 590, 591, 590, 591, 590, 517],
];

/// 20-year property, in thousandths of a percent.
#[rustfmt::skip]
const TWENTY: [[i64; 21]; 5] = [
    [3750, 7219, 6677, 6177, 5713, 5285, 4888, 4522, 4462, 4461, 4462, 4461, 4462, 4461, 4462, 4461, 4462, 4461, 4462, 4461, 2231],
    [6563, 7000, 6482, 5996, 5546, 5130, 4746, 4459, 4459, 4459, 4459, 4460, 4459, 4460, 4459, 4460, 4459, 4460, 4459, 4460, 565],
    [4688, 7148, 6612, 6116, 5658, 5233, 4841, 4478, 4463, 4463, 4463, 4463, 4463, 4463, 4462, 4463, 4462, 4463, 4462, 4463, 1673],
    [2813, 7289, 6742, 6237, 5769, 5336, 4936, 4566, 4460, 4460, 4460, 4460, 4461, 4460, 4461, 4460, 4461, 4460, 4461, 4460, 2788],
    [938, 7430, 6872, 6357, 5880, 5439, 5031, 4654, 4458, 4458, 4458, 4458, 4458, 4458, 4458, 4458, 4458, 4459, 4458, 4459, 3901],
];
