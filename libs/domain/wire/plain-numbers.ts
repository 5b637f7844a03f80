import protobuf from 'protobufjs/minimal.js';

// Our 64-bit fields are numbers within 2^53. Where the `long` package is installed, protobufjs would read them as objects, which
// compare and add like text. Must run before the generated code is loaded: import this module first.
protobuf.util.Long = undefined as never;
protobuf.configure();
