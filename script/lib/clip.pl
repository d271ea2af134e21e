# A small, short film for the second person of script/test-devices: an emulated machine has no time for a large one.
#
#   perl clip.pl FILE
use strict;
use warnings;

my ($width, $height) = (320, 180);
open my $out, '>:raw', $ARGV[0] or die "$ARGV[0]: $!\n";
print $out "YUV4MPEG2 W$width H$height F5:1 Ip A1:1 C420jpeg\n";
for my $n (0 .. 4) {
    print $out "FRAME\n", chr(60 + 30 * $n) x ($width * $height), chr(128) x ($width * $height / 2);
}
close $out or die "$ARGV[0]: $!\n";
