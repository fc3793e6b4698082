#if !Settings
#error("The product 'MartletSettings' needs the trait Settings of the package martlet, which this build has left out")
#endif
