/// Paths of files, by their text alone.
package enum FilePath {
    /// The folder that a file is in; empty for that of the process.
    package static func folder(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return "" }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    /// A path, which may be relative to a folder, without what means nothing in it: `.` and empty parts.
    package static func resolved(_ path: String, in folder: String) -> String {
        let whole = path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)"
        let parts = whole.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        return whole.hasPrefix("/") ? "/" + parts : parts.isEmpty ? "." : parts
    }
}
