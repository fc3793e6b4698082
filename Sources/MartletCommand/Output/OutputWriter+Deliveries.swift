import Martlet

extension OutputWriter {
    /// Writes a message as it arrived.
    func write(_ delivery: Delivery) throws {
        if isForPeople {
            let notes = Self.notes(on: delivery).map { " " + style.faint("(\($0))") } ?? ""
            try writeLine(delivery.topic.text, text(of: delivery.message.body) + notes)
        } else {
            try write(JSONObject(delivery, at: Moment()))
        }
    }

    private static func notes(on delivery: Delivery) -> String? {
        var notes: [String] = []
        if delivery.isRetained { notes.append("kept") }
        if delivery.redeliveries > 0 { notes.append("delivery \(delivery.redeliveries + 1)") }
        return notes.isEmpty ? nil : notes.joined(separator: ", ")
    }
}

extension JSONObject {
    /// A message as it arrived, and when.
    init(_ delivery: Delivery, at moment: Moment) {
        self.init()
        add("topic", string: delivery.topic.text)
        add("body", body: delivery.message.body)
        add("headers", headers: delivery.message.headers)
        add("time", string: moment.timestamp)
        if delivery.isRetained { add("retained", boolean: true) }
        if delivery.redeliveries > 0 { add("redeliveries", integer: delivery.redeliveries) }
    }
}
