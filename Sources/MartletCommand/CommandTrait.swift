#if !Command
#error("The program 'martlet' needs the trait Command of the package martlet, which this build has left out")
#endif
