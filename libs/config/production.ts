// Imported before everything else: graphql compares constructors by name as well where it is not told that it runs in production.
process.env['NODE_ENV'] ??= 'production';
