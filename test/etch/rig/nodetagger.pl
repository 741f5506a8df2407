#!/usr/bin/perl
# The rule of nodetagger.rb in Perl, by the groups of nodes.yml beside it: a site's own script, as there are many.
use strict;
use warnings;
use File::Basename qw(dirname);
use POSIX qw(strftime);

my $name = shift or die "a host name is missing\n";
my $here = dirname($0);

my (%groups, $host);
open my $nodes, '<', "$here/nodes.yml" or die "nodes.yml: $!\n";
while (<$nodes>) {
  next if /^\s*(#|$)/;
  if (/^(\S+):\s*$/) { $host = $1 }
  elsif (/^\s*-\s*(\S+)/ && $host eq $name) { $groups{$1} = 1 }
}

my %state;
if (open my $marks, '<', "$here/tagstate") {
  while (<$marks>) {
    next if /^\s*(#|$)/;
    my ($tag, $state) = split;
    $state{$tag} = $state if defined $state && $state =~ /^(good|bad|badfwd)$/;
  }
}

my $hours = 4;
if ($groups{dev} || $groups{int}) { $hours = 0 }
elsif ($groups{qa}) { $hours = 1 }
elsif ($groups{stg}) { $hours = 2 }
elsif ($groups{'prod-east'}) { $hours = 3 }

my $now = time;
sub tag { strftime('etchautotag-%Y%m%d-%H00', gmtime($now - $_[0] * 3600)) }

my @candidates = ($state{tag($hours)} // '') eq 'badfwd' ? reverse(0 .. $hours - 1) : ($hours .. 72);
for (@candidates) {
  next if ($state{tag($_)} // '') =~ /^bad/;
  print 'tags/', tag($_), "\n";
  exit;
}
die "no tag for $hours\n";
