#!/usr/bin/ruby -w
# Chooses the tag of a host by its groups, in the way that nodetaggers of etch do: made for tests of reading one.
require 'nventory'

name = ARGV.first
abort 'a host name is missing' if name.nil?
ENV['TZ'] = 'UTC'

# What people say of tags: only these words count.
@tagstate = {}
marks = File.join(File.dirname(__FILE__), 'tagstate')
if File.exist?(marks)
  IO.foreach(marks) do |line|
    next if line =~ /^\s*(#|$)/
    tag, state = line.split
    if ['good', 'bad', 'badfwd'].include?(state)
      @tagstate[tag] = state
    else
      warn "what is #{state}?" # not a comment: #{tag}
    end
  end
end

def tagforhours(hours)
  Time.at(Time.now - hours * 60 * 60).strftime('etchautotag-%Y%m%d-%H00')
end

def findautotag(hoursago, needgoodtag=false)
  candidates = []
  if @tagstate[tagforhours(hoursago)] == 'badfwd'
    (hoursago-1).downto(0) { |hour| candidates << hour }
  else
    hoursago.upto(24*3) { |hour| candidates << hour }
  end
  found = candidates.map { |hour| tagforhours(hour) }.find do |tag|
    needgoodtag ? @tagstate[tag] == 'good' : @tagstate[tag] !~ /^bad/
  end
  abort "no tag for #{hoursago}" if found.nil?
  found
end

nvclient = NVentory::Client.new
results = nvclient.get_objects(:objecttype => 'nodes', :exactget => { 'name' => name }, :includes => ['node_groups'])

DEFAULT_HOURS = 4
hours = DEFAULT_HOURS
tag = nil
if !results.empty? && !results[name].nil?
  if !results[name]['node_groups'].nil?
    node_group_names = results[name]['node_groups'].collect { |ng| ng['name'] }
    case
    when node_group_names.include?('dev') || node_group_names.include?('int')
      hours = 0
    when node_group_names.include?('qa')
      hours = 1
    when node_group_names.include?('stg')
      hours = 2
    end
    # The half of production that may be lost.
    if hours == DEFAULT_HOURS
      if node_group_names.include?('prod-east')
        hours = 3
      end
    end
  end
  tag = results[name]['config_mgmt_tag']
end

puts tag.nil? || tag.empty? ? File.join('tags', findautotag(hours)) : tag
