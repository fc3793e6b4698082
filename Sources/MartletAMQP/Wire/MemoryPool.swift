import CRabbitMQ

/// The library's pool of memory, in which it puts what it decodes and we what it is to encode. All that is in it goes at
/// once, by ``recycle()``. It belongs to one connection's loop.
final class MemoryPool {
    // The library keeps pointers to nothing but its blocks; the structure itself has to stay where it is.
    let pointer: UnsafeMutablePointer<amqp_pool_t>

    init() {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: amqp_pool_t())
        init_amqp_pool(pointer, 4_096)
    }

    deinit {
        empty_amqp_pool(pointer)
        pointer.deallocate()
    }

    func recycle() { recycle_amqp_pool(pointer) }

    /// A copy of a text, until the pool is recycled.
    func text(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }

    func bytes(_ bytes: [UInt8]) -> amqp_bytes_t {
        bytes.withUnsafeBytes { self.bytes($0) }
    }

    private func bytes(_ bytes: UnsafeRawBufferPointer) -> amqp_bytes_t {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return amqp_bytes_t(len: 0, bytes: nil) }
        guard let copy = amqp_pool_alloc(pointer, bytes.count) else { fatalError("there is no memory") }
        copy.copyMemory(from: start, byteCount: bytes.count)
        return amqp_bytes_t(len: bytes.count, bytes: copy)
    }

    private func array<Element>(of type: Element.Type, count: Int) -> UnsafeMutablePointer<Element>? {
        guard count > 0 else { return nil }
        guard let memory = amqp_pool_alloc(pointer, count * MemoryLayout<Element>.stride) else {
            fatalError("there is no memory")
        }
        return memory.bindMemory(to: type, capacity: count)
    }

    // MARK: Tables

    func table(_ table: AMQPTable) -> amqp_table_t {
        let entries = array(of: amqp_table_entry_t.self, count: table.count)
        for (index, field) in table.enumerated() {
            entries?[index] = amqp_table_entry_t(key: text(field.name), value: value(field.value))
        }
        return amqp_table_t(num_entries: Int32(table.count), entries: entries)
    }

    private func value(_ value: AMQPValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        func set(_ kind: amqp_field_value_kind_t) { field.kind = UInt8(kind.rawValue) }
        switch value {
        case .boolean(let value):
            set(AMQP_FIELD_KIND_BOOLEAN)
            field.value.boolean = value ? 1 : 0
        case .int8(let value):
            set(AMQP_FIELD_KIND_I8)
            field.value.i8 = value
        case .uint8(let value):
            set(AMQP_FIELD_KIND_U8)
            field.value.u8 = value
        case .int16(let value):
            set(AMQP_FIELD_KIND_I16)
            field.value.i16 = value
        case .uint16(let value):
            set(AMQP_FIELD_KIND_U16)
            field.value.u16 = value
        case .int32(let value):
            set(AMQP_FIELD_KIND_I32)
            field.value.i32 = value
        case .uint32(let value):
            set(AMQP_FIELD_KIND_U32)
            field.value.u32 = value
        case .int64(let value):
            set(AMQP_FIELD_KIND_I64)
            field.value.i64 = value
        case .uint64(let value):
            set(AMQP_FIELD_KIND_U64)
            field.value.u64 = value
        // RabbitMQ ends the link over what is no number, or infinite.
        case .float(let value) where !value.isFinite: return self.value(.string("\(value)"))
        case .double(let value) where !value.isFinite: return self.value(.string("\(value)"))
        case .float(let value):
            set(AMQP_FIELD_KIND_F32)
            field.value.f32 = value
        case .double(let value):
            set(AMQP_FIELD_KIND_F64)
            field.value.f64 = value
        case .decimal(let scale, let value):
            set(AMQP_FIELD_KIND_DECIMAL)
            field.value.decimal = amqp_decimal_t(decimals: scale, value: value)
        case .string(let text):
            set(AMQP_FIELD_KIND_UTF8)
            field.value.bytes = self.text(text)
        case .bytes(let bytes):
            set(AMQP_FIELD_KIND_BYTES)
            field.value.bytes = self.bytes(bytes)
        case .timestamp(let seconds):
            set(AMQP_FIELD_KIND_TIMESTAMP)
            field.value.u64 = seconds
        case .array(let values):
            set(AMQP_FIELD_KIND_ARRAY)
            let entries = array(of: amqp_field_value_t.self, count: values.count)
            for (index, value) in values.enumerated() { entries?[index] = self.value(value) }
            field.value.array = amqp_array_t(num_entries: Int32(values.count), entries: entries)
        case .table(let table):
            set(AMQP_FIELD_KIND_TABLE)
            field.value.table = self.table(table)
        case .void:
            set(AMQP_FIELD_KIND_VOID)
        }
        return field
    }
}

extension AMQPTable {
    /// A copy of what the library has decoded. Recursion is bounded: see ``TableNesting``.
    init(_ table: amqp_table_t) {
        var fields: [(name: String, value: AMQPValue)] = []
        for index in 0..<Int(table.num_entries) {
            let entry = table.entries[index]
            fields.append((String(decoding: entry.key.span, as: UTF8.self), AMQPValue(entry.value)))
        }
        self.init(received: fields)
    }
}

extension AMQPValue {
    init(_ field: amqp_field_value_t) {
        let value = field.value
        switch amqp_field_value_kind_t(UInt32(field.kind)) {
        case AMQP_FIELD_KIND_BOOLEAN: self = .boolean(value.boolean != 0)
        case AMQP_FIELD_KIND_I8: self = .int8(value.i8)
        case AMQP_FIELD_KIND_U8: self = .uint8(value.u8)
        case AMQP_FIELD_KIND_I16: self = .int16(value.i16)
        case AMQP_FIELD_KIND_U16: self = .uint16(value.u16)
        case AMQP_FIELD_KIND_I32: self = .int32(value.i32)
        case AMQP_FIELD_KIND_U32: self = .uint32(value.u32)
        case AMQP_FIELD_KIND_I64: self = .int64(value.i64)
        case AMQP_FIELD_KIND_U64: self = .uint64(value.u64)
        case AMQP_FIELD_KIND_F32: self = .float(value.f32)
        case AMQP_FIELD_KIND_F64: self = .double(value.f64)
        case AMQP_FIELD_KIND_DECIMAL: self = .decimal(scale: value.decimal.decimals, value: value.decimal.value)
        case AMQP_FIELD_KIND_UTF8:
            self =
                String(validating: value.bytes.span, as: UTF8.self).map(AMQPValue.string)
                ?? .bytes(Array(value.bytes.span))
        case AMQP_FIELD_KIND_BYTES: self = .bytes(Array(value.bytes.span))
        case AMQP_FIELD_KIND_TIMESTAMP: self = .timestamp(value.u64)
        case AMQP_FIELD_KIND_ARRAY:
            self = .array((0..<Int(value.array.num_entries)).map { AMQPValue(value.array.entries[$0]) })
        case AMQP_FIELD_KIND_TABLE: self = .table(AMQPTable(value.table))
        default: self = .void
        }
    }
}

extension amqp_bytes_t {
    /// The bytes, for as long as what they are in.
    var span: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: bytes?.assumingMemoryBound(to: UInt8.self), count: bytes == nil ? 0 : len)
    }

    /// The text; what is not UTF-8 in it is replaced.
    var text: String { String(decoding: span, as: UTF8.self) }

    /// `nil` if they are not UTF-8.
    var validText: String? { String(validating: span, as: UTF8.self) }
}
