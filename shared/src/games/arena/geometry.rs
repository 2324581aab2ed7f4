//! Integer geometry. Nothing here knows what a player is.
//!
//! Every function is a few integer operations that any language has: a client repeats them bit for bit.

/// Stored units in one unit of the map.
pub const UNIT: i32 = 256;

/// Roots of short vectors are taken of this many times their length: the root of 2 is no 2.
const FINE: i64 = 256;

/// The smallest integer whose square is at least `square`.
pub fn square_root_up(square: u64) -> i64 {
    let root = square.isqrt();
    let up = if root * root < square { root + 1 } else { root };
    i64::try_from(up).expect("the root of 64 bits has 33")
}

/// The length of a vector, rounded up. Components up to 2^20 either way.
pub fn length_up(x: i32, y: i32) -> i32 {
    let (x, y) = (i64::from(x), i64::from(y));
    square_root_up((x * x + y * y).unsigned_abs()) as i32
}

/// The vector with the same direction and the given length, a little shorter where rounding says so: with
/// `long` the root of `65536 * (x * x + y * y)`, rounded up, it is `x * length * 256 / long` and the same for
/// y, rounded toward zero. The zero vector has no direction and stays what it is. Components up to 2^20.
pub fn with_length(x: i32, y: i32, length: i32) -> (i32, i32) {
    let (x, y) = (i64::from(x), i64::from(y));
    match square_root_up((FINE * FINE * (x * x + y * y)).unsigned_abs()) {
        0 => (0, 0),
        long => {
            let scaled = |component: i64| (component * i64::from(length) * FINE / long) as i32;
            (scaled(x), scaled(y))
        }
    }
}

/// The vector itself if it lies in the disc of that radius, else shortened to it. Doing it twice changes
/// nothing: what `with_length` gives is never longer than asked.
pub fn within_disc(x: i32, y: i32, radius: i32) -> (i32, i32) {
    if x * x + y * y <= radius * radius { (x, y) } else { with_length(x, y, radius) }
}

/// How far along the way from `from` to `to` a disc is touched, in 1/65536 of the way; none if it is not.
/// The way may be up to 1 unit long and the disc's centre up to 16 units away.
pub fn way_to_disc(from: (i32, i32), to: (i32, i32), centre: (i32, i32), radius: i32) -> Option<i64> {
    let (way_x, way_y) = (i64::from(to.0 - from.0), i64::from(to.1 - from.1));
    let (off_x, off_y) = (i64::from(centre.0 - from.0), i64::from(centre.1 - from.1));
    let radius = i64::from(radius);
    let square = way_x * way_x + way_y * way_y;
    if square == 0 {
        return (off_x * off_x + off_y * off_y <= radius * radius).then_some(0);
    }
    // The nearest point of the way is `along / square` of it; both sides are multiplied by `square` so that
    // nothing is divided.
    let along = (off_x * way_x + off_y * way_y).clamp(0, square);
    let (miss_x, miss_y) = (off_x * square - way_x * along, off_y * square - way_y * along);
    let reach = radius * square;
    (miss_x * miss_x + miss_y * miss_y <= reach * reach).then(|| along * 65_536 / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_rounded_up() {
        for (square, root) in
            [(0, 0), (1, 1), (2, 2), (4, 2), (5, 3), (16_129, 127), (u64::from(u32::MAX), 65_536)]
        {
            assert_eq!(square_root_up(square), root, "{square}");
        }
    }

    #[test]
    fn the_disc_is_reached_and_never_left() {
        for x in -127..=127 {
            for y in -127..=127 {
                let (a, b) = within_disc(x, y, 127);
                assert!(a * a + b * b <= 127 * 127);
                assert_eq!(within_disc(a, b, 127), (a, b));
            }
        }
    }

    #[test]
    fn short_vectors_keep_their_direction() {
        assert_eq!(with_length(1, 1, 96), (67, 67));
        assert_eq!(with_length(-1, 0, 96), (-96, 0));
        assert_eq!(with_length(3, -4, 10), (6, -8));
        assert_eq!(with_length(0, 0, 96), (0, 0));
    }

    #[test]
    fn a_way_touches_what_it_passes() {
        assert_eq!(way_to_disc((0, 0), (100, 0), (50, 10), 10), Some(32_768));
        assert_eq!(way_to_disc((0, 0), (100, 0), (50, 11), 10), None);
        assert_eq!(way_to_disc((0, 0), (100, 0), (109, 0), 10), Some(65_536));
        assert_eq!(way_to_disc((0, 0), (100, 0), (-11, 0), 10), None);
        assert_eq!(way_to_disc((5, 5), (5, 5), (8, 9), 5), Some(0));
    }
}
