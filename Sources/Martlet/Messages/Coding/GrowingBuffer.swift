/// Elements that only grow at their end, in memory of their own: what an array checks at each is checked once for many.
struct GrowingBuffer<Element: BitwiseCopyable>: ~Copyable {
    // `count` of the `capacity` elements from `base` on are initialized. Each write below is after ``reserve(_:)`` of as
    // many, each read within `count`.
    private var base: UnsafeMutablePointer<Element>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 8)
        base = .allocate(capacity: self.capacity)
    }

    deinit {
        base.deallocate()
    }

    @inline(__always)
    subscript(index: Int) -> Element {
        get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return base[index]
        }
        set {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            base[index] = newValue
        }
    }

    /// The elements from a position on.
    func array(from start: Int = 0, to end: Int? = nil) -> [Element] {
        let end = min(end ?? count, count)
        guard start >= 0, start < end else { return [] }
        return Array(UnsafeBufferPointer(start: base + start, count: end - start))
    }

    /// Makes room for so many more.
    @inline(__always)
    mutating func reserve(_ more: Int) {
        if more > capacity - count { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        let new = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        new.initialize(from: base, count: count)
        base.deallocate()
        base = new
        capacity = larger
    }

    @inline(__always)
    mutating func append(_ element: Element) {
        reserve(1)
        base[count] = element
        count += 1
    }

    mutating func append(contentsOf elements: UnsafeBufferPointer<Element>) {
        guard let start = elements.baseAddress else { return }
        reserve(elements.count)
        (base + count).initialize(from: start, count: elements.count)
        count += elements.count
    }

    mutating func append(contentsOf elements: [Element]) {
        elements.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    /// Appends elements as far as all of them are wanted as they are.
    ///
    /// - Returns: false, with nothing appended, as soon as one is not.
    @inline(__always)
    mutating func append(_ elements: UnsafeBufferPointer<Element>, while isWanted: (Element) -> Bool) -> Bool {
        reserve(elements.count)
        var end = count
        for element in elements {
            guard isWanted(element) else { return false }
            base[end] = element
            end += 1
        }
        count = end
        return true
    }

    /// Leaves so many of the elements.
    mutating func truncate(to count: Int) {
        self.count = max(0, min(count, self.count))
    }

    /// Puts others in the place of all from a position on.
    mutating func replace(from start: Int, with elements: [Element]) {
        truncate(to: start)
        append(contentsOf: elements)
    }
}
