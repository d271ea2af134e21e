# The tone of script/test-devices: written as a sound file to be played, and looked for in what was heard.
#
#   perl tone.pl write FILE SECONDS     bursts, because noise suppression rightly removes what never changes
#   perl tone.pl heard FILE             exit code 0 if the tone is there
use strict;
use warnings;

my $PITCH = 1000;
my ($task, $file, $seconds) = @ARGV;

if ($task eq 'write') {
    my $rate = 48000;
    my $sound = '';
    for my $n (0 .. $seconds * $rate - 1) {
        my $on = $n % ($rate / 2) < $rate / 4;
        $sound .= pack 's<', $on ? 12000 * sin(2 * 3.14159265358979 * $PITCH * $n / $rate) : 0;
    }
    my $format = pack 'vvVVvv', 1, 1, $rate, $rate * 2, 2, 16;
    open my $out, '>:raw', $file or die "$file: $!\n";
    print $out 'RIFF', pack('V', 36 + length $sound), 'WAVEfmt ', pack('V', 16), $format, 'data', pack('V', length $sound), $sound;
    close $out or die "$file: $!\n";
    exit 0;
}

open my $in, '<:raw', $file or die "$file: $!\n";
my $bytes = do { local $/; <$in> };
my ($format, $channels, $rate, $data);
for (my $at = 12; $at + 8 <= length $bytes;) {
    my ($name, $size) = unpack 'a4V', substr $bytes, $at, 8;
    # The subformat's first two bytes are the format of an extensible header.
    if ($name eq 'fmt ') {
        ($format, $channels, $rate) = unpack 'vvV', substr $bytes, $at + 8, $size;
        $format = unpack 'v', substr $bytes, $at + 32, 2 if $format == 0xFFFE;
    }
    $data = substr $bytes, $at + 8, $size if $name eq 'data';
    $at += 8 + $size + $size % 2;
}
die "$file is no sound file\n" unless $format && defined $data;
my @samples = $format == 3 ? unpack('f<*', $data) : map { $_ / 32768 } unpack('s<*', $data);
@samples = @samples[grep { $_ % $channels == 0 } 0 .. $#samples] if $channels > 1;

# Of each fortieth of a second: how loud, and how much of that lies within a few semitones of the tone (Goertzel's algorithm, over the
# bins around it). Not in one bin alone: noise suppression lets a burst swell and fade, and that spreads it.
my $block = int $rate / 40;
my @turns = map { 2 * cos(2 * 3.14159265358979 * ($PITCH + 40 * $_) / $rate) } -3 .. 3;
my ($loud, $tonal) = (0, 0);
for (my $at = 0; $at + $block <= @samples; $at += $block) {
    my @part = @samples[$at .. $at + $block - 1];
    my $energy = 0;
    $energy += $_ * $_ for @part;
    next if $energy / $block < 1e-5;    # below -50 dBFS
    $loud++;
    my $tone = 0;
    for my $turn (@turns) {
        my ($one, $two) = (0, 0);
        ($one, $two) = ($_ + $turn * $one - $two, $one) for @part;
        $tone += ($one * $one + $two * $two - $turn * $one * $two) * 2 / $block;
    }
    $tonal++ if $tone > 0.5 * $energy;
}
printf "%d of %d loud fortieths of a second are the tone\n", $tonal, $loud;
exit($tonal >= 40 && $tonal >= $loud / 2 ? 0 : 1);
