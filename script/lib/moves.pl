# Whether the pictures of an IVF file change: an encoder spends next to nothing on one that stays the same.
#
#   perl moves.pl FILE      exit code 0 if they do
use strict;
use warnings;

my ($file) = @ARGV;
open my $in, '<:raw', $file or die "$file: $!\n";
read $in, my $header, 32;
die "$file is no IVF file\n" unless $header =~ /^DKIF/;
my ($frames, $changed, %seen) = (0, 0);
while (read($in, my $head, 12) == 12) {
    read $in, my $frame, unpack 'V', $head;
    $frames++;
    $changed++ if length $frame > 100 && !$seen{$frame}++;
}
printf "%d of %d pictures differ from the one before\n", $changed, $frames;
exit($frames > 0 && $changed > $frames / 2 ? 0 : 1);
