# Stands in for nVentory, with what nodes.yml beside the nodetagger says; and lets it believe that it is another time (ETCH_NOW).
require 'yaml'

class Time
  class << self
    alias_method :real_now, :now
    def now
      ENV['ETCH_NOW'].nil? ? real_now : at(ENV['ETCH_NOW'].to_i)
    end
  end
end

module NVentory
  class Client
    def get_objects(query)
      name = query[:exactget]['name']
      groups = YAML.load_file(File.join(File.dirname($PROGRAM_NAME), 'nodes.yml'))[name]
      return {} if groups.nil?
      { name => { 'name' => name, 'node_groups' => groups.map { |group| { 'name' => group } } } }
    end
  end
end
