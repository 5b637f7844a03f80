const adjectives =
  'able agile amused brave bright calm capable charming clean clever colorful crawling dapper debonair defiant delightful efficient enchanting entertaining fearless flawless fun gaudy gentle gifted glamorous grandiose hilarious honorable inquisitive intelligent invincible judicious kindly learned legendary luminous masked merciful mysterious nimble nosy omniscient overjoyed painted placid polite popular powerful rare redolent resilient rogue sassy selective serious shivering silent skillful smiling spiffy stately sneaky thoughtful thundering traveling treasured trusting unique upbeat valuable vaunted victorious welcoming whimsical wise wistful worried youthful zealous'.split(
    ' ',
  );
const nouns =
  'ant ape asp auk bass bat bear bee bird boar calf carp cat chimp cod colt conch cow crab crane crow cub deer doe dog dolphin donkey dove duck eel elk fawn finch fish flea fly foal fowl fox frog gnat goat goose grouse grub gull hare hawk hen hog horse hound jay kit kite koi lamb lark loon lynx mare midge mink mole moose moth mouse mule newt owl ox panda perch pig pug quail ram rat ray robin roo rook seal shad shark sheep shoat shrew shrike shrimp skink skunk sloth slug smelt snail snake snipe sow sponge squid squirrel stag steed stoat stork swan tern toad trout turtle vole wasp whale wolf worm wren yak zebra'.split(
    ' ',
  );

/** A name that people can say, of the digits of a random id: adjective, noun, number. */
export function randomRunName(id: string): string {
  const pick = (words: readonly string[], at: number): string =>
    words[parseInt(id.slice(at, at + 6), 16) % words.length]!;
  return `${pick(adjectives, 0)}-${pick(nouns, 6)}-${parseInt(id.slice(13, 19), 16) % 1_000}`;
}
