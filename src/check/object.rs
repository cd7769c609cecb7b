//! How much code an object file holds, as far as ELF says it.

/// Marks a section of instructions.
const EXECUTABLE: u64 = 4;

/// Bytes of all sections of instructions of an ELF file, of 32 or 64 bits, little endian.
///
/// `None` if `file` is none.
pub fn code_bytes(file: &[u8]) -> Option<u64> {
    let is_wide = match file.get(..6)? {
        [0x7f, b'E', b'L', b'F', 1, 1] => false,
        [0x7f, b'E', b'L', b'F', 2, 1] => true,
        _ => return None,
    };
    let number = |at: usize, bytes: usize| {
        let field = file.get(at..at.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0u64, |all, &byte| all << 8 | u64::from(byte)))
    };
    // Offsets of the fields that are wanted, and how wide an address is.
    let (word, table, entry, flags, size) =
        if is_wide { (8, 40, 58, 8, 32) } else { (4, 32, 46, 8, 20) };
    let table = usize::try_from(number(table, word)?).ok()?;
    let (entry, count) = (number(entry, 2)? as usize, number(entry + 2, 2)? as usize);
    let mut total = 0u64;
    for section in 0..count {
        let header = table.checked_add(section.checked_mul(entry)?)?;
        if number(header.checked_add(flags)?, word)? & EXECUTABLE != 0 {
            total = total.checked_add(number(header.checked_add(size)?, word)?)?;
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file of 32 bits with a section of each kind.
    fn file(sections: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', 1, 1];
        bytes.resize(52, 0);
        bytes[32..36].copy_from_slice(&52u32.to_le_bytes());
        bytes[46..48].copy_from_slice(&40u16.to_le_bytes());
        bytes[48..50].copy_from_slice(&(sections.len() as u16).to_le_bytes());
        for &(flags, size) in sections {
            let mut header = [0; 40];
            header[8..12].copy_from_slice(&flags.to_le_bytes());
            header[20..24].copy_from_slice(&size.to_le_bytes());
            bytes.extend(header);
        }
        bytes
    }

    #[test]
    fn counts_sections_of_instructions() {
        // Code, data, code that is linked once, and symbols.
        let object = file(&[(6, 1000), (3, 50), (0x206, 24), (0, 7)]);
        assert_eq!(code_bytes(&object), Some(1024));
    }

    #[test]
    fn takes_nothing_else() {
        assert_eq!(code_bytes(b"void k() {}"), None);
        let object = file(&[(6, 1000)]);
        assert_eq!(code_bytes(&object[..60]), None, "cut off");
        assert_eq!(code_bytes(b""), None);
    }

    #[test]
    fn reads_what_a_compiler_writes() {
        // This test itself is an ELF file of 64 bits where it runs.
        let path = std::env::current_exe().expect("a test has a path");
        let size = code_bytes(&std::fs::read(path).expect("it can be read"));
        assert!(cfg!(not(target_os = "linux")) || size.is_some_and(|size| size > 100_000));
    }
}
