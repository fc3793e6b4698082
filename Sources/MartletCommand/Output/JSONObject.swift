import Martlet
import MartletConsole

/// A JSON object on one line, written member by member.
struct JSONObject {
    private var writer = JSONWriter(capacity: 256)
    private var isEmpty = true

    init() {
        writer.write("{")
    }

    /// The line, with its end.
    var line: [UInt8] { writer.bytes + Array("}\n".utf8) }

    /// The object as a value of another.
    var bytes: [UInt8] { writer.bytes + Array("}".utf8) }

    mutating func add(_ name: String, string: String) {
        begin(name)
        writer.write(string: string)
    }

    mutating func add(_ name: String, integer: Int) {
        begin(name)
        writer.write(integer: Int64(integer))
    }

    mutating func add(_ name: String, number: Double, decimals: Int) {
        begin(name)
        writer.write(json: Array(number.formatted(decimals: decimals).utf8))
    }

    mutating func add(_ name: String, boolean: Bool) {
        begin(name)
        writer.write(json: Array("\(boolean)".utf8))
    }

    /// Adds what is JSON already.
    mutating func add(_ name: String, json: [UInt8]) {
        begin(name)
        writer.write(json: json)
    }

    /// Adds a body: JSON as it is, other text as a string, other bytes in base64, which a member `encoding` tells.
    mutating func add(_ name: String, body: [UInt8]) {
        if let json = JSONBody.compact(body) {
            add(name, json: json)
        } else if let text = String(validating: body, as: UTF8.self) {
            add(name, string: text)
            add("encoding", string: "text")
        } else {
            begin(name)
            writer.write(base64: body)
            add("encoding", string: "base64")
        }
    }

    mutating func add(_ name: String, headers: Headers) {
        var object = JSONObject()
        for (name, value) in headers {
            switch value {
            case .string(let text): object.add(name, string: text)
            case .integer(let number): object.add(name, integer: Int(number))
            case .double(let number): object.add(name, json: Array((number.isFinite ? "\(number)" : "null").utf8))
            case .boolean(let flag): object.add(name, boolean: flag)
            case .bytes(let bytes):
                object.begin(name)
                object.writer.write(base64: bytes)
            }
        }
        add(name, json: object.bytes)
    }

    private mutating func begin(_ name: String) {
        if !isEmpty { writer.write(",") }
        isEmpty = false
        writer.write(string: name)
        writer.write(":")
    }
}
