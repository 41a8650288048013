"""Probes: what people ask photo collections for; by these texts encoders are compared and told apart."""

from __future__ import annotations

PROBES = tuple(
    """a dog running on a beach
two children playing with a ball
a black and white cat asleep on a sofa
birds on a wire
a horse in a field
an elephant near a river
fish under water
a birthday cake with candles
a bowl of fruit
people eating in a restaurant
a cup of coffee on a table
a pizza
a red car in the street
a yellow bus
a train at the station
an aeroplane in the sky
a sailing boat
a man riding a bicycle
a motorcycle race
a bridge over water
a castle on a hill
skyscrapers at night
an old church
a kitchen
a bedroom with a large window
a bookshelf full of books
someone working at a computer
a woman speaking into a microphone
a band on stage
a wedding
a baby smiling
an old man with a hat
a group of friends laughing
a crowd in a stadium
a football match
a girl jumping into a pool
skiing down a mountain
a surfer on a wave
a tennis player
climbing a rock face
a tent in the forest
a path through autumn trees
flowers in a garden
a waterfall
the moon at night
sunset over the sea
fog in the mountains
snow on a roof
rain on a window
a desert
fireworks
a graph on a whiteboard
a handwritten letter
a map
a clock
a pair of shoes
a broken toy
a painting in a museum
a statue of a lion
a police officer
a doctor with a patient
a farmer with a tractor
market stalls with vegetables
an empty room""".splitlines()
)
