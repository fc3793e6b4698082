/// What the command tells whoever started it.
enum CommandExit: Int32, CaseIterable {
    case success = 0
    case failure = 1
    // As sysexits.h has them.
    case usage = 64
    case badData = 65
    case noInput = 66
    case unavailable = 69
    // As timeout(1) has it.
    case timeIsOver = 124
    // As shells have it: 128 and the signal's number.
    case interrupted = 130
    case terminated = 143

    private var meaning: String {
        switch self {
        case .success: "done; or ended by a signal, where nothing else ends it"
        case .failure: "the call or the goal failed, nobody is there, the broker refused"
        case .usage: "the arguments, or a file of settings, are wrong"
        case .badData: "the payload is no JSON"
        case .noInput: "a file, or standard input, can't be read"
        case .unavailable: "the broker can't be reached, or does not let us in; an address can't be listened on"
        case .timeIsOver: "the time of --timeout is over, here or at who serves"
        case .interrupted: "ended by Ctrl-C before it was done"
        case .terminated: "ended by SIGTERM before it was done"
        }
    }

    /// All of them, for the help.
    static var explanation: String {
        "EXIT CODES:\n"
            + allCases.map { code in
                let number = "\(code.rawValue)"
                return "  \(number)\(String(repeating: " ", count: 5 - number.count))\(code.meaning)"
            }.joined(separator: "\n")
    }
}
