/// Where in a value a coder is: the keys from the outermost to it, each made only when one goes deeper.
enum CodingPath {
    case root
    indirect case key(any CodingKey, in: CodingPath)
    indirect case position(Int, in: CodingPath)

    /// The keys, the outermost first.
    var keys: [any CodingKey] {
        var keys: [any CodingKey] = []
        var path = self
        while true {
            switch path {
            case .root:
                return keys.reversed()
            case .key(let key, let parent):
                keys.append(key)
                path = parent
            case .position(let position, let parent):
                keys.append(NameKey(position: position))
                path = parent
            }
        }
    }
}
