#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ValueEncoding {
    /// Writes a value: of Foundation's types as documents have them, of the common arrays at once, of any other as the
    /// type itself encodes it.
    func write<Value: Encodable>(_ value: Value, path: () -> CodingPath) throws {
        let type = Value.self
        if type == [Double].self, let values = value as? [Double] {
            try write(numbers: values, path: path) { write($0) }
            seal()
        } else if type == [Int].self, let values = value as? [Int] {
            write(elements: values) { write(Int64($0)) }
            seal()
        } else if type == [String].self, let values = value as? [String] {
            write(elements: values) { write($0) }
            seal()
        } else if type == [Float].self, let values = value as? [Float] {
            try write(numbers: values, path: path) { write($0) }
            seal()
        } else if type == [UInt8].self, let values = value as? [UInt8] {
            if format == .messagePack { write(data: values) } else { write(elements: values) { write(Int64($0)) } }
            seal()
        } else if type == Date.self, let date = value as? Date {
            try check(date.timeIntervalSinceReferenceDate, path: path)
            write(DateSeconds(reference: date.timeIntervalSinceReferenceDate))
        } else if type == Data.self, let data = value as? Data {
            write(data: Array(data))
        } else if type == URL.self, let url = value as? URL {
            write(url.absoluteString)
        } else if type == Decimal.self, let decimal = value as? Decimal {
            try write(decimal, path: path)
        } else {
            try encode(value, path: path())
        }
    }

    /// Whether Foundation's encoder writes values of a type itself, without asking them.
    static func isWrittenWhole(_ type: Any.Type) -> Bool {
        wholeTypes.contains(ObjectIdentifier(type))
    }

    private static let wholeTypes: Set<ObjectIdentifier> = {
        let types: [Any.Type] = [
            [Int8].self, [Int16].self, [Int32].self, [Int64].self, [Int128].self, [Int].self, [UInt8].self,
            [UInt16].self, [UInt32].self, [UInt64].self, [UInt128].self, [UInt].self, [String].self, [Float].self,
            [Double].self, Date.self, Data.self, URL.self, Decimal.self,
        ]
        return Set(types.map { ObjectIdentifier($0) })
    }()

    private func write<Number: BinaryFloatingPoint>(
        numbers: [Number],
        path: () -> CodingPath,
        _ write: (Number) -> Void
    ) throws {
        if let position = numbers.firstIndex(where: { !$0.isFinite }) {
            try check(numbers[position]) { .position(position, in: path()) }
        }
        self.write(elements: numbers, write)
    }

    /// A decimal's digits. MessagePack gets a whole number if it is one, otherwise the nearest.
    private func write(_ decimal: Decimal, path: () -> CodingPath) throws {
        let digits = decimal.description
        guard !decimal.isNaN else { throw Self.invalid(decimal, "There is no number for it.", path()) }
        guard format == .messagePack else { return write(digits: digits) }
        if let integer = Int64(digits) {
            write(integer)
        } else if let number = Double(digits) {
            write(number)
        }
    }
}
