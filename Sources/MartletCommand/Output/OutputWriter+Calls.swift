import Martlet
import MartletConsole

extension OutputWriter {
    /// Writes a call that was answered, or was not.
    func writeCall(
        _ name: QueueName,
        _ request: [UInt8],
        _ result: Result<[UInt8], any Error>,
        milliseconds: Double
    ) throws {
        if isForPeople {
            let end =
                switch result {
                case .success(let response): text(of: response)
                case .failure(let error): style.failure(Self.text(of: error).printableLines)
                }
            let time = style.faint("(\(milliseconds.formatted(decimals: 1)) ms)")
            try writeLine(name.text, "\(text(of: request)) \(style.faint("→")) \(end) \(time)")
        } else {
            var object = JSONObject()
            object.add("name", string: name.text)
            object.add("request", body: request)
            switch result {
            case .success(let response): object.add("response", body: response)
            case .failure(let error): object.add("error", string: Self.text(of: error))
            }
            object.add("milliseconds", number: milliseconds, decimals: 3)
            object.add("time", string: Moment().timestamp)
            try write(object)
        }
    }

    private static func text(of error: any Error) -> String {
        error is CancellationError ? "the caller waits no longer" : "\(error)"
    }
}
