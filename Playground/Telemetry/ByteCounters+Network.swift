extension ByteCounters {
    /// Reads one line of `/proc/net/dev`, such as `eth0: 5903 41 0 0 0 0 0 0 5713 61 0 0 0 0 0 0`.
    ///
    /// After the colon, with or without a space, come eight fields of what was received and eight of what was sent; the
    /// first of each are the bytes (proc_pid_net(5)).
    ///
    /// - Returns: `nil` for the two lines of headings, and for a line that is cut short or holds what is no counter.
    init?(networkLine line: some StringProtocol) {
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let name = line[..<colon].split(separator: " ")
        let fields = line[line.index(after: colon)...].split(separator: " ")
        guard name.count == 1, fields.count >= 9, let received = UInt64(fields[0]), let sent = UInt64(fields[8])
        else { return nil }
        self.init(name: String(name[0]), incoming: received, outgoing: sent)
    }

    /// Reads the whole of `/proc/net/dev`, in the order of its lines.
    static func parse(network text: String) -> [ByteCounters] {
        text.split(whereSeparator: \.isNewline).compactMap { ByteCounters(networkLine: $0) }
    }
}
