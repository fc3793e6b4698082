/// What the program tells whoever started it.
enum ExitCode: Int32 {
    /// It did what it was asked to, or was told to end.
    case success = 0
    /// Something went wrong.
    case failure = 1
    /// It was asked for something that there is not.
    case usage = 2
}
