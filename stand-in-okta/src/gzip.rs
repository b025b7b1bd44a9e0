//! A gzip encoder that stores the data without compression, in stored blocks (RFC 1951 section
//! 3.2.4, RFC 1952).

/// Encodes the bytes as a gzip file.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    /// Method deflate, no flags, no modification time, unknown operating system.
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut file = HEAD.to_vec();
    let mut blocks = text.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend(crc32(text).to_le_bytes());
    file.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
