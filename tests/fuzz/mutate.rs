//! Makes new inputs of those that there are.

/// The same numbers for the same seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).expect("less than a usize")
    }
}

/// Numbers at the edges of what programs hold.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "0.5",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
];
const BYTES: &[u8] = b"\0\n\r\t \"\\{}[]:,%/;=-\x1E\x80\xC3\xEF\xFF";

/// One of the inputs, changed in one to six places; one in sixteen is left as it is.
pub fn mutate(pool: &[Vec<u8>], words: &[&str], longest: usize, chance: &mut Chance) -> Vec<u8> {
    // Of two the shorter: it is tried faster, and a change is likelier to matter in it.
    let [one, other] = [0; 2].map(|_| &pool[chance.below(pool.len())]);
    let mut input = if one.len() < other.len() { one } else { other }.clone();
    if chance.below(16) > 0 {
        for _ in 0..=chance.below(6) {
            change(&mut input, pool, words, chance);
            input.truncate(longest);
        }
    }
    input
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let longest = 1 + (1 << chance.below(12));
    let end = at + chance.below((input.len() - at).min(longest) + 1);
    let word = |list: &[&str], chance: &mut Chance| {
        list.get(chance.below(list.len()))
            .map_or(Vec::new(), |word| word.as_bytes().to_vec())
    };
    match chance.below(10) {
        0 => drop(input.drain(at..end)),
        1 => input.truncate(at),
        2 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        3 => input.insert(at, BYTES[chance.below(BYTES.len())]),
        4 => drop(input.splice(at..end, word(NUMBERS, chance))),
        5 => drop(input.splice(at..at, word(words, chance))),
        6 => drop(input.splice(at..end, word(words, chance))),
        // Twice, and elsewhere.
        7 => {
            let part = input[at..end].to_vec();
            input.splice(at..at, part);
        }
        8 => {
            let part = input[at..end].to_vec();
            let to = chance.below(input.len() + 1);
            input.splice(to..to, part);
        }
        // A part of another input.
        _ => {
            let other = &pool[chance.below(pool.len())];
            let from = chance.below(other.len() + 1);
            let to = from + chance.below((other.len() - from).min(4096) + 1);
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}
